import type { ProblemCode } from '../http/problems.ts';
import { Histogram } from '../runtime/histogram.ts';

/** Code of a request whose client left before an answer, as in nginx. */
const CLIENT_GONE = 499;

/** Outcomes of the requests of one group. */
export class GroupCounts {
  readonly name: string;
  readonly queue = new Histogram();
  readonly upstream = new Histogram();
  readonly total = new Histogram();
  readonly problems = new Map<ProblemCode, number>();
  cancels = 0;
  redeliveries = 0;
  invalidReplies = 0;
  faults = 0;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * Outcomes of the requests of one route in one group. Each routed request carries its counts, so that counting it looks up
 * nothing but its status.
 */
export class RouteCounts {
  readonly route: string;
  readonly group: GroupCounts;
  readonly codes = new Map<number, { count: number }>();

  constructor(route: string, group: GroupCounts) {
    this.route = route;
    this.group = group;
  }

  /** The head of a reply has come. Times in ms. */
  replied(queueMs: number, upstreamMs: number): void {
    this.group.queue.observe(queueMs);
    this.group.upstream.observe(upstreamMs);
  }

  /** A request has its outcome; `status` 0: its client left before there was one. */
  ended(status: number, totalMs: number): void {
    this.#count(status === 0 ? CLIENT_GONE : status);
    this.group.total.observe(totalMs);
  }

  /** A request was refused before it was more than a head. */
  refused(problem: ProblemCode, status: number): void {
    this.#count(status);
    this.failed(problem);
  }

  failed(problem: ProblemCode): void {
    const { problems } = this.group;
    problems.set(problem, (problems.get(problem) ?? 0) + 1);
  }

  #count(status: number): void {
    const entry = this.codes.get(status);
    if (entry) entry.count += 1;
    else this.codes.set(status, { count: 1 });
  }
}

type Names = Pick<ReadonlySet<string>, 'has'>;

/** The counts of all requests of a hub. Each version of the configuration says which routes there are. */
export class RequestCounts {
  #groups = new Map<string, GroupCounts>();
  #routes = new Map<string, Map<string, RouteCounts>>();
  /** Connections of HTTP/2 that were ended because their clients broke the rules. */
  misuses = 0;
  /** Requests without a route, or that could not be read. */
  readonly unrouted = new RouteCounts('', new GroupCounts(''));

  /** Returns the counts of a route in one of its groups: the same object for as long as both are configured. */
  of(route: string, group: string): RouteCounts {
    const byGroup = getOrAdd(this.#routes, route, () => new Map<string, RouteCounts>());
    return getOrAdd(byGroup, group, () => {
      return new RouteCounts(
        route,
        getOrAdd(this.#groups, group, () => new GroupCounts(group)),
      );
    });
  }

  /** Forgets groups and routes that are configured no more: the number of label values stays that of the configuration. */
  retain(groups: Names, routes: Names): void {
    for (const name of this.#groups.keys()) if (!groups.has(name)) this.#groups.delete(name);
    for (const [name, byGroup] of this.#routes) {
      if (!routes.has(name)) this.#routes.delete(name);
      for (const group of byGroup.keys()) if (!groups.has(group)) byGroup.delete(group);
    }
  }

  get groups(): GroupCounts[] {
    return [...this.#groups.values()];
  }

  get routes(): RouteCounts[] {
    const routed = [...this.#routes.values()].flatMap((byGroup) => [...byGroup.values()]);
    return [...routed, this.unrouted];
  }
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

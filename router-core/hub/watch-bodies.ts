import type { ChurnMap } from '../runtime/churn-map.ts';
import type { HubConfig } from './settings.ts';
import type { Exchange } from './exchange.ts';
import type { RouteCounts } from './request-counts.ts';
import { isDuplex } from './request-kind.ts';

const EVERY_MS = 250;
/** A body may take this long without counting: most are there with their heads. */
const UNCOUNTED_MS = 100;
/** A full hub looks again after this time at the earliest. */
const AGAIN_MS = 10;
/** The minimum rate counts after this time. */
const GRACE_MS = 10_000;

/**
 * Shares of --max-in-flight that requests may take while the hub waits for their bodies: those of one client address (which may be
 * a load balancer with many clients, so only unfinished bodies count), of one route in one group, and all. A quarter of the hub is
 * always left for requests that are whole.
 */
const SHARE = { client: 1 / 4, route: 1 / 2, all: 3 / 4 };

/**
 * Looks at the requests whose bodies have not arrived. Ends those that bring less than --min-body-rate, and the newest of those
 * that together take more than their share of this hub. Looking needs no counter that must be kept in step with the requests.
 */
export class BodyWatch {
  readonly #config: HubConfig;
  readonly #inFlight: ChurnMap<Exchange>;
  readonly #timer: NodeJS.Timeout;
  #lookedAt = performance.now();
  #perClient = new Map<string, number>();
  #perRoute = new Map<RouteCounts, number>();

  constructor(config: HubConfig, inFlight: ChurnMap<Exchange>) {
    this.#config = config;
    this.#inFlight = inFlight;
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  /** The hub is full: ends unfinished requests that are too many. Returns true when the hub has room again. */
  makeRoom(): boolean {
    if (performance.now() - this.#lookedAt >= AGAIN_MS) this.#look();
    return this.#inFlight.size < this.#config.maxInFlight;
  }

  /** True when requests that need not be whole to run have taken their share, as the last look has found. */
  isShareTaken(route: RouteCounts, client: string): boolean {
    const taken = Math.max(
      (this.#perClient.get(client) ?? 0) / SHARE.client,
      (this.#perRoute.get(route) ?? 0) / SHARE.route,
    );
    return taken >= this.#config.maxInFlight;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    const { maxInFlight, minBodyRate } = this.#config;
    const elapsed = now - this.#lookedAt;
    this.#lookedAt = now;
    this.#perClient = new Map();
    this.#perRoute = new Map();
    let all = 0;
    // The oldest first: of too many, the newest end.
    const unfinished = this.#inFlight.values().filter((exchange) => isAwaited(exchange, now));
    for (const exchange of unfinished.sort((a, b) => a.receivedAt - b.receivedAt)) {
      exchange.body.waited(Math.min(elapsed, now - exchange.receivedAt));
      if (minBodyRate > 0 && isSlow(exchange, minBodyRate)) {
        exchange.breakOff('request-timeout');
        continue;
      }
      const client = exchange.client;
      const ofClient = (this.#perClient.get(client) ?? 0) + 1;
      const ofRoute = (this.#perRoute.get(exchange.counts) ?? 0) + 1;
      const share = Math.max(ofClient / SHARE.client, ofRoute / SHARE.route, (all + 1) / SHARE.all);
      // A request that already runs has shown that it is wanted.
      const mayEnd = exchange.state === 'reading' || exchange.state === 'waiting';
      if (share > Math.max(maxInFlight, 1 / SHARE.client) && mayEnd) {
        exchange.breakOff('hub-full', 1);
        continue;
      }
      all += 1;
      this.#perClient.set(client, ofClient);
      this.#perRoute.set(exchange.counts, ofRoute);
    }
  }
}

function isAwaited({ request, receivedAt, done }: Exchange, now: number): boolean {
  return !done && now - receivedAt >= UNCOUNTED_MS && request.awaitsBody;
}

function isSlow({ request, routed, body }: Exchange, bytesPerS: number): boolean {
  return !isDuplex(request, routed) && body.bytes * 1_000 < bytesPerS * (body.waitMs - GRACE_MS);
}

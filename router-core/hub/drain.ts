import { sleep } from '../runtime/backoff.ts';
import { runFor } from './contain-fault.ts';
import type { AgentDoor } from './front/agent-door.ts';
import type { HubFront } from './front/hub-front.ts';
import type { HubContext } from './hub-context.ts';

/** A load balancer sees this many 503s before the hub stops accepting: the usual `fall` is 3. */
const NOTICES = 3;
/** A load balancer that asked for readiness this recently is still watching. */
const WATCHED_MS = 15_000;

/** Tells load balancers if they should send requests here. */
export class Readiness {
  readonly #whyNot: () => string | undefined;
  #probedAt = -Infinity;
  #noticesLeft = NOTICES;
  draining = false;

  /** `whyNot` returns the reason why the hub can take no request, undefined when it can. */
  constructor(whyNot: () => string | undefined) {
    this.#whyNot = whyNot;
  }

  /** Answers one readiness request with the reason why not, undefined when ready. */
  probe(): string | undefined {
    this.#probedAt = performance.now();
    if (!this.draining) return this.#whyNot();
    this.#noticesLeft -= 1;
    return 'draining';
  }

  /** True while a load balancer that watches has not had time to notice the drain. */
  get unnoticed(): boolean {
    return this.#noticesLeft > 0 && performance.now() - this.#probedAt < WATCHED_MS;
  }
}

export interface DrainOptions {
  readonly front: HubFront;
  readonly door: AgentDoor | undefined;
  readonly context: HubContext;
  readonly readiness: Readiness;
  readonly drainMs: number;
}

/**
 * The order of a shutdown: readiness says no and every reply closes its connection; once the load balancers have noticed
 * (or none watches) and agents that need new connections have finished, the hub takes no new connection; the running requests finish; those left at the end of `drainMs` are
 * refused or cut. Agents that are linked here go elsewhere meanwhile. An agent that cannot goes on with the requests that come,
 * until the end.
 */
export async function drainHub(options: DrainOptions): Promise<void> {
  const { front, door, context, readiness, drainMs } = options;
  const { inFlight, log } = context;
  readiness.draining = true;
  door?.sayAway(drainMs);
  const endAt = performance.now() + drainMs;
  const noticeUntil = performance.now() + drainMs / 3;
  while (readiness.unnoticed && performance.now() < noticeUntil) await sleep(50);

  await door?.finishCalls(Math.max(0, endAt - performance.now()));
  const closed = front.stopAccepting();
  while (inFlight.size > 0 && performance.now() < endAt) await sleep(20);
  if (inFlight.size > 0) log.warn({ requests: inFlight.size }, 'drain time is over, ending what still runs');
  const cancelled = inFlight.values().map((exchange) => {
    runFor(exchange, () => exchange.fail('shutting-down'));
    return exchange.cancel();
  });
  await Promise.race([Promise.all(cancelled), sleep(1_000)]);
  await door?.drain(Math.max(0, endAt - performance.now()));
  await door?.close();
  front.closeIdle();
  // Replies that are written but not yet taken by their clients get a moment; then the connections are cut.
  await Promise.race([closed, sleep(Math.min(1_000, drainMs))]);
  front.cutAll();
  await closed;
}

import type { Server } from 'node:http';
import { sleep } from '../runtime/backoff.ts';
import { runFor } from './contain-fault.ts';
import type { AgentDoor } from './front/agent-door.ts';
import type { HubContext } from './exchange.ts';

/** How many 503s a load balancer gets to see before this hub stops accepting: the usual `fall` is 3. */
const NOTICES = 3;
/** Whoever asked for readiness this recently is still watching. */
const WATCHED_MS = 15_000;

/** Whether load balancers should send requests here. */
export class Readiness {
  readonly #whyNot: () => string | undefined;
  #probedAt = -Infinity;
  #noticesLeft = NOTICES;
  draining = false;

  /** `whyNot`: why nothing can be taken, undefined when it can. */
  constructor(whyNot: () => string | undefined) {
    this.#whyNot = whyNot;
  }

  /** Answers one readiness request: why not, or undefined. */
  probe(): string | undefined {
    this.#probedAt = performance.now();
    if (!this.draining) return this.#whyNot();
    this.#noticesLeft -= 1;
    return 'draining';
  }

  /** Whether somebody who watches has not yet had time to notice that we drain. */
  get unnoticed(): boolean {
    return this.#noticesLeft > 0 && performance.now() - this.#probedAt < WATCHED_MS;
  }
}

export interface DrainOptions {
  readonly server: Server;
  /** Connections without a request of their own: those that have left HTTP, and those that linger. */
  readonly front: { cutLingering(): void; cutAll(): void };
  readonly door: AgentDoor | undefined;
  readonly context: HubContext;
  readonly readiness: Readiness;
  readonly drainMs: number;
}

/**
 * The order of a shutdown: readiness says no and every reply closes its connection; once the load balancers have noticed
 * (or nobody watches) and agents that need new connections have finished, no new connection; the running requests finish; what is left at the end of `drainMs` is refused
 * or cut. Agents that are linked here go elsewhere meanwhile; those that cannot go on with what comes, until the end.
 */
export async function drainHub(options: DrainOptions): Promise<void> {
  const { server, front, door, context, readiness, drainMs } = options;
  const { inFlight, log } = context;
  readiness.draining = true;
  door?.sayAway(drainMs);
  const endAt = performance.now() + drainMs;
  const noticeUntil = performance.now() + drainMs / 3;
  while (readiness.unnoticed && performance.now() < noticeUntil) await sleep(50);

  await door?.finishCalls(Math.max(0, endAt - performance.now()));
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  while (inFlight.size > 0 && performance.now() < endAt) await sleep(20);
  if (inFlight.size > 0) log.warn({ requests: inFlight.size }, 'drain time is over, ending what still runs');
  const cancelled = inFlight.values().map((exchange) => {
    runFor(exchange, () => exchange.fail('shutting-down'));
    return exchange.cancel();
  });
  await Promise.race([Promise.all(cancelled), sleep(1_000)]);
  await door?.drain(Math.max(0, endAt - performance.now()));
  await door?.close();
  server.closeIdleConnections();
  front.cutLingering();
  // Replies that are written but not yet taken by their clients get a moment; then the connections are cut.
  await Promise.race([closed, sleep(Math.min(1_000, drainMs))]);
  server.closeAllConnections();
  front.cutAll();
  await closed;
}

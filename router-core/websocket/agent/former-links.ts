import type { LinkExchange } from './link-exchange.ts';

interface FormerLink {
  /** The name that its hub gave it. */
  readonly instance: string;
  /** All that it carried when it was lost. */
  readonly exchanges: readonly LinkExchange[];
  /** By performance.now(). */
  readonly lostAt: number;
}

/**
 * The last lost link to each hub. The hub gives to others what it had handed over on that link and this agent has never seen. So it
 * is told of it only while the agent can account for everything that had arrived: otherwise what has run would run again.
 */
export class FormerLinks {
  readonly #byHub = new Map<string, FormerLink>();

  lost(hub: string, former: FormerLink): void {
    this.#byHub.set(hub, former);
  }

  /** The name to say in a hello to this hub that presents these. */
  nameFor(hub: string, presented: ReadonlySet<LinkExchange>): string | undefined {
    const former = this.#byHub.get(hub);
    const isKnown = (each: LinkExchange) => each.isSettled || each.carrier !== undefined || presented.has(each);
    return former?.exchanges.every(isKnown) ? former.instance : undefined;
  }

  /** True when a hub has not been told yet of a link that was lost after this time. */
  hasSince(time: number): boolean {
    for (const { lostAt } of this.#byHub.values()) if (lostAt > time) return true;
    return false;
  }

  /** The hub has answered a hello that named it. */
  answered(hub: string): void {
    this.#byHub.delete(hub);
  }
}

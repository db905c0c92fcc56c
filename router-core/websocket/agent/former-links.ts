import type { LinkExchange } from './link-exchange.ts';

/** A hub that cannot be reached so often in turn has to wait until others are asked. */
const MOST_TRIES = 2;

interface FormerLink {
  /** The name that its hub gave it. */
  readonly instance: string;
  /** All that it carried when it was lost. */
  readonly exchanges: readonly LinkExchange[];
  /** By performance.now(). */
  readonly lostAt: number;
  /** False when its hub was silent, or has said that it ends: it is not to be asked first. */
  readonly isCut: boolean;
}

/**
 * The last lost link to each hub. The hub gives to others what it had handed over on that link and this agent has never seen. So it
 * is told of it only while the agent can account for everything that had arrived: otherwise what has run would run again.
 */
export class FormerLinks {
  readonly #byHub = new Map<string, FormerLink>();
  /** How often a hub was dialled and has not answered. */
  readonly #tries = new Map<string, number>();

  lost(hub: string, former: FormerLink): void {
    this.#byHub.set(hub, former);
  }

  /** The name to say in a hello to this hub that presents these. */
  nameFor(hub: string, presented: ReadonlySet<LinkExchange>): string | undefined {
    const former = this.#byHub.get(hub);
    const isKnown = (each: LinkExchange) =>
      each.isSettled || each.carrier !== undefined || presented.has(each);
    return former?.exchanges.every(isKnown) ? former.instance : undefined;
  }

  /** The hub that has waited longest for word of a link that was cut after this time, unless it was asked in vain. */
  owed(since: number): string | undefined {
    let first: { hub: string; lostAt: number } | undefined;
    for (const [hub, { lostAt, isCut }] of this.#byHub) {
      const counts = isCut && lostAt > since && (this.#tries.get(hub) ?? 0) < MOST_TRIES;
      if (counts && lostAt < (first?.lostAt ?? Infinity)) first = { hub, lostAt };
    }
    return first?.hub;
  }

  /** The hub is about to be dialled. */
  dialled(hub: string): void {
    this.#tries.set(hub, (this.#tries.get(hub) ?? 0) + 1);
  }

  /** The hub has answered a hello that named it. */
  answered(hub: string): void {
    this.#byHub.delete(hub);
    this.#tries.delete(hub);
  }
}

import { sleep } from '../../runtime/backoff.ts';
import { scopeSet, type AgentIdentity } from './agent-directory.ts';
import { LinkCounts } from './link-counts.ts';
import type { LinkedAgent } from './linked-agent.ts';
import { Relay, type RelayOptions } from './relay.ts';
import { Tickets } from './tickets.ts';

export type RelaysOptions = Omit<RelayOptions, 'identity' | 'tickets'> & {
  readonly sharedSecret: () => Promise<Buffer>;
};

/** A relay for each group and set of scopes whose agents are linked to this hub. One without agents stays: they come back. */
export class Relays {
  /** Those that are linked. */
  readonly agents = new Set<LinkedAgent>();
  readonly counts = new LinkCounts();
  readonly #options: RelaysOptions;
  #tickets: Tickets | undefined;
  readonly #relays = new Map<string, Relay>();

  constructor(options: RelaysOptions) {
    this.#options = options;
  }

  /** Rejects when the store is away, and no relay was asked for before. */
  async tickets(): Promise<Tickets> {
    return (this.#tickets ??= new Tickets(await this.#options.sharedSecret()));
  }

  /** Rejects when the store is away. */
  async of(identity: AgentIdentity): Promise<Relay> {
    const tickets = await this.tickets();
    const key = `${identity.group}\n${scopeSet(identity.scopes)}`;
    const known = this.#relays.get(key);
    if (known) return known;
    const relay = new Relay({ ...this.#options, identity, tickets });
    this.#relays.set(key, relay);
    return relay;
  }

  /** True when a relay of this hub has this name. */
  has(instance: string): boolean {
    for (const relay of this.#relays.values()) if (relay.instance === instance) return true;
    return false;
  }

  /** The agent has dialled anew before its former link was seen to be lost. */
  replace(former: string, { record }: AgentIdentity): void {
    for (const { instance, identity, socket } of this.agents) {
      if (instance === former && identity.record === record) socket.terminate('replaced by a new link');
    }
  }

  /** Pulls nothing more, and waits at most so long for what runs. */
  async drain(ms: number): Promise<void> {
    const endAt = performance.now() + ms;
    await Promise.all([...this.#relays.values()].map((relay) => relay.drain()));
    while (this.#isBusy() && performance.now() < endAt) await sleep(20);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#relays.values()].map((relay) => relay.close(500)));
  }

  #isBusy(): boolean {
    for (const { isBusy } of this.#relays.values()) if (isBusy) return true;
    return false;
  }
}

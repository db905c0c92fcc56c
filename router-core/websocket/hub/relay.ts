import type { PulledRequest } from '../../exchange/agent-link.ts';
import type {
  AdoptedRequest,
  CreateRelayLink,
  LinkedAgentReport,
  Presented,
  RecordGrant,
  RecordShare,
  RelayLink,
  RequestPlace,
} from '../../exchange/relay-link.ts';
import { sleep } from '../../runtime/backoff.ts';
import type { Logger } from '../../runtime/logger.ts';
import { packageVersion } from '../../runtime/package-info.ts';
import { NO_RECORD, type AgentIdentity } from './agent-directory.ts';
import { AwayRequests } from './away-requests.ts';
import type { LinkedAgent } from './linked-agent.ts';
import type { RelayAgent } from './relay-agent.ts';
import { shareOut } from './share-out.ts';
import type { Ticket, Tickets } from './tickets.ts';

export interface RelayOptions {
  readonly createRelayLink: CreateRelayLink;
  readonly identity: AgentIdentity;
  /** Name and id of this hub. */
  readonly hub: { readonly id: string; readonly host: string };
  readonly tickets: Tickets;
  readonly log: Logger;
}

/** Which agent runs which request is seen so much later at most, ms. It must be shown again before it expires. */
const SHOW_EVERY_MS = 5_000;

/** A slot that was handed a request that it may not run is offered again after so long, ms. */
const OFFER_AGAIN_MS = 500;

/** A request that has come from another relay. */
export interface Adoption {
  readonly link: RelayLink;
  readonly adopted: AdoptedRequest;
}

/** Stands in for all agents of one group and set of scopes that are linked to this hub. */
export class Relay {
  readonly #options: RelayOptions;
  readonly #link: RelayLink;
  readonly #agents = new Set<RelayAgent>();
  readonly away = new AwayRequests();
  /** Whose turn it is to be given a request. */
  #turns: RelayAgent[] = [];
  #joining: Promise<void> | undefined;
  #pulling: Promise<void> = Promise.resolve();
  #draining = false;
  #wake: () => void = () => undefined;
  #isReportDue = false;
  #offerAgain: NodeJS.Timeout | undefined;
  readonly #showing: NodeJS.Timeout;

  constructor(options: RelayOptions) {
    this.#options = options;
    const { group, scopes } = options.identity;
    this.#link = options.createRelayLink({
      group,
      scopes,
      name: `hub-${options.hub.id}`,
      report: () => this.#report(),
      onGrants: (grants) => this.#onGrants(grants),
      log: options.log,
    });
    this.#showing = setInterval(() => this.#show(), SHOW_EVERY_MS);
  }

  /** Resolves when its offer counts in the group. Rejects when the store refuses this hub. */
  async add(agent: RelayAgent): Promise<void> {
    this.#agents.add(agent);
    if (this.#joining) {
      await this.#joining;
      await this.#link.report();
    } else {
      this.#joining = this.#link.join();
      await this.#joining;
      this.#pulling = this.#pullForEver();
    }
    this.#show();
  }

  remove(agent: RelayAgent, leaseMs: number): void {
    if (!this.#agents.delete(agent)) return;
    for (const request of agent.detach()) this.away.add(request, agent, leaseMs);
    this.reportSoon();
    this.#show();
  }

  /** Name of its instance. */
  get instance(): string {
    return this.#link.instance;
  }

  get isBusy(): boolean {
    for (const { running } of this.#agents) if (running > 0) return true;
    return false;
  }

  /** Something in what its agents offer is new. Many changes of one moment are told together. */
  reportSoon(): void {
    if (this.#isReportDue) return;
    this.#isReportDue = true;
    setImmediate(() => {
      this.#isReportDue = false;
      void this.#link.report();
    });
  }

  /** Reads a ticket that this agent presents. Undefined when it was never given one like it. */
  read(signed: string, agent: RelayAgent): Ticket | undefined {
    const ticket = this.#options.tickets.read(signed);
    return ticket?.record === agent.holder && ticket.group === agent.identity.group ? ticket : undefined;
  }

  /** Takes the request that this agent presents from the relay that has it. Resolves with whether it goes on here. */
  async takeOver(signed: string, from: Ticket, agent: LinkedAgent, presented: Presented): Promise<boolean> {
    const { group, record } = from;
    const { adopted } = (await this.adopt(from, presented)) ?? {};
    if (!adopted) return false;
    const ticket = this.#options.tickets.sign({ group, record, ...this.#link.placeOf(adopted.request) });
    const relayed = agent.adopt(this.#link, adopted, { ticket, former: signed, have: presented.have });
    this.reportSoon();
    if (!this.#agents.has(agent)) {
      relayed.detach();
      this.away.add(relayed, agent, agent.leaseMs);
    }
    return true;
  }

  /** Pulls nothing any more; what runs goes on. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#wake();
    await Promise.race([this.#link.report(), sleep(1_000)]);
    const unstarted = await this.#link.stopPulling();
    await this.#pulling;
    for (const request of unstarted) await this.#link.requeue(request, 'unstarted');
  }

  async close(timeoutMs: number): Promise<void> {
    if (!this.#draining) await this.drain();
    clearInterval(this.#showing);
    clearTimeout(this.#offerAgain);
    this.away.close();
    await this.#link.close(timeoutMs);
  }

  #report() {
    const shares = new Map<string, { record: string; slots: number; running: number }>();
    for (const { identity, offer, running } of this.#agents) {
      const { record } = identity;
      const share = shares.get(record) ?? { record, slots: 0, running: 0 };
      shares.set(record, share);
      share.slots += this.#draining ? running : Math.max(running, offer.slots);
      share.running += running;
    }
    const list: RecordShare[] = [...shares.values()];
    const sum = (of: (share: RecordShare) => number) => list.reduce((total, share) => total + of(share), 0);
    const report = {
      name: this.#options.hub.host,
      version: packageVersion(),
      concurrency: sum(({ slots }) => slots),
      inFlight: sum(({ running }) => running),
      state: this.#draining ? ('draining' as const) : ('ready' as const),
    };
    return { shares: list, report };
  }

  #onGrants(grants: readonly RecordGrant[]): void {
    const byRecord = new Map<string, RelayAgent[]>();
    for (const agent of this.#agents) {
      const { record } = agent.identity;
      const agents = byRecord.get(record);
      if (agents) agents.push(agent);
      else byRecord.set(record, [agent]);
    }
    for (const grant of grants) {
      const agents = byRecord.get(grant.record) ?? [];
      const slots = shareOut(grant.slots, agents);
      agents.forEach((agent, i) => agent.tell({ slots: slots[i] ?? 0, state: grant.state }));
    }
    this.#wake();
  }

  /** Sends this agent its grant again, so that it knows that its offer has arrived. */
  answer(agent: RelayAgent): void {
    agent.tell(agent.grant);
    this.reportSoon();
  }

  wake(): void {
    this.#wake();
  }

  get #free(): number {
    if (this.#draining) return 0;
    let free = 0;
    for (const agent of this.#agents) free += Math.max(0, agent.free);
    return free;
  }

  async #pullForEver(): Promise<void> {
    while (!this.#draining) {
      const free = this.#free;
      if (free <= 0) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      const unwanted: PulledRequest[] = [];
      await this.#link.pull(free, (request) => {
        if (!this.#dispatch(request)) unwanted.push(request);
      });
      for (const request of unwanted) await this.#requeue(request);
    }
  }

  /** A slot that may not have this request is not offered for a moment: otherwise it would get the same one again at once. */
  async #requeue(request: PulledRequest): Promise<void> {
    if (this.#free <= 0) return void (await this.#link.requeue(request, 'unstarted'));
    await this.#link.requeue(request, 'unreachable', 'no agent with a free slot may run it');
    this.#offerAgain ??= setTimeout(() => {
      this.#offerAgain = undefined;
      this.reportSoon();
    }, OFFER_AGAIN_MS);
  }

  /** To the agents with room, in turn. */
  #dispatch(request: PulledRequest): boolean {
    const agent = this.#nextFree(request);
    if (!agent) return false;
    const { holder: record, identity } = agent;
    const { group } = identity;
    const ticket = this.#options.tickets.sign({ group, record, ...this.#link.placeOf(request) });
    agent.run(this.#link, request, ticket);
    return true;
  }

  /** Takes a request from another relay, for an agent that has come from there. Undefined when it is over, or somebody else's. */
  async adopt(from: RequestPlace, presented: Presented): Promise<Adoption | undefined> {
    const adopted = await this.#link.adopt(from, presented);
    return adopted && { link: this.#link, adopted };
  }

  #nextFree(request: PulledRequest): RelayAgent | undefined {
    // The rest of the last round comes first, and may have agents that are gone.
    for (let tries = this.#turns.length + this.#agents.size; tries > 0; tries -= 1) {
      if (this.#turns.length === 0) this.#turns = [...this.#agents];
      const agent = this.#turns.pop();
      if (agent && agent.free > 0 && agent.takes?.(request) !== false) return agent;
    }
    return undefined;
  }

  #show(): void {
    const { hub, identity } = this.#options;
    const reports = [...this.#agents].map((agent): LinkedAgentReport => {
      const { offer, grant, running, instance, name, roundTripMs, heardAt } = agent;
      const { record, tokenId } = agent.identity;
      const ofRecord = record === NO_RECORD ? {} : { agent: record, token: tokenId };
      const about = { name, ...ofRecord, instance, hub: hub.id, hubName: hub.host };
      return {
        ...offer.report,
        ...about,
        inFlight: running,
        slots: grant.slots,
        scopes: identity.scopes,
        requests: [...agent.requests()].map(({ id }) => id),
        roundTripMs,
        lastHeardAt: new Date(Date.now() - (performance.now() - heardAt)).toISOString(),
      };
    });
    this.#link.show(reports);
  }
}

import type {
  AgentExchange,
  AgentLink,
  AgentLinkOptions,
  ExchangeHandlers,
  RequeueReason,
  Grant,
  PulledRequest,
} from '../../exchange/agent-link.ts';
import { sleep } from '../../runtime/backoff.ts';
import { MESSAGE } from '../wire/link-message.ts';
import { LinkFault } from '../wire/link-socket.ts';
import { HeldRequests } from './held-requests.ts';
import type { DialledHub, HubDialer } from './hub-dialer.ts';
import { HubLink, type LinkHost } from './hub-link.ts';
import { LinkRequest, type HandedRequest, type Refused } from './hub-messages.ts';
import { TOKEN_ENDED } from './hub-refusal.ts';
import type { HubTurns } from './hub-turns.ts';
import { LinkExchange } from './link-exchange.ts';
import { LinkKeeper } from './link-keeper.ts';
import type { LinkOffer } from './link-offers.ts';

export interface WebsocketAgentLinkOptions extends AgentLinkOptions {
  readonly dialer: HubDialer;
  readonly turns: HubTurns;
  /** The token has ended; called several times. */
  readonly onRevoked: () => void;
}

/** A pull that brings nothing resolves after this time, ms. */
const PULL_MS = 5_000;

const DEFAULT_LEASE_MS = 6_000;

/** Data that is only for people, such as the number of running requests, is sent this often, ms. */
const REPORT_MS = 2_000;

/** Counts the links of this process. */
let lastTurn = 0;

/** An agent's link to its group by way of hubs, as docs/link.md says. */
export class WebsocketAgentLink implements AgentLink, LinkHost {
  readonly missedDoorbells = 0;
  readonly #options: WebsocketAgentLinkOptions;
  readonly #keeper: LinkKeeper;
  readonly #held = new HeldRequests(() => this.#keeper.links);
  /** Handed over by a hub, and not pulled yet. */
  #queue: LinkExchange[] = [];
  readonly #reporting: NodeJS.Timeout;
  /** Hubs do not use a slot that has not reached its upstream until they are sent an offer. */
  #isOfferDue = false;
  #lastHandle = 0;
  /** The state of the record that was told last. */
  #state: Grant['state'] = 'active';
  #leaseMs = DEFAULT_LEASE_MS;
  #instance: string;
  /** Name that a link had which is lost, if all that it carried is still here. */
  #former: string | undefined;
  /** Nothing is pulled any more; then, what comes nevertheless goes back at once. */
  #stop: 'no' | 'stopping' | 'stopped' = 'no';
  #onArrival: () => void = () => undefined;
  #onJoined: () => void = () => undefined;

  constructor(options: WebsocketAgentLinkOptions) {
    const { dialer, turns, name, onRevoked, log } = options;
    this.#options = options;
    this.#instance = name;
    this.#keeper = new LinkKeeper({
      dialer,
      turns,
      greet: (hub, dialled) => this.#greet(hub, dialled),
      orphans: () => this.#held.orphans().length,
      leaseMs: () => this.#leaseMs,
      onRevoked,
      log,
    });
    this.#reporting = setInterval(() => this.#offerAll({ always: this.#isOfferDue }), REPORT_MS);
  }

  get instance(): string {
    return this.#instance;
  }

  join(): Promise<void> {
    return new Promise((resolve) => {
      this.#onJoined = resolve;
      this.#keeper.start();
    });
  }

  async pull(max: number, take: (request: PulledRequest) => void): Promise<void> {
    if (this.#queue.length === 0 && this.#stop === 'no') await this.#arrival();
    // Whoever has stopped the pull requeues the requests that have come since.
    if (this.#stop !== 'no') return;
    for (const { request } of this.#queue.splice(0, max)) take(request);
  }

  async stopPulling(): Promise<PulledRequest[]> {
    this.#stop = 'stopping';
    this.#onArrival();
    this.#offerAll();
    const answers = [...this.#keeper.links].map((link) => link.answered());
    await Promise.race([Promise.all(answers), sleep(this.#leaseMs)]);
    this.#stop = 'stopped';
    return this.#queue.splice(0).map(({ request }) => request);
  }

  open(request: PulledRequest, handlers: ExchangeHandlers): AgentExchange {
    const exchange = exchangeOf(request);
    if (!exchange) throw new Error('this link has not handed out such a request');
    return exchange.open(handlers);
  }

  report(): Promise<void> {
    // Also when nothing is new: a slot whose upstream was not reached is offered again with it.
    this.#offerAll({ always: true });
    return Promise.resolve();
  }

  async requeue(request: PulledRequest, why: RequeueReason, detail = ''): Promise<boolean> {
    if (why === 'unreachable') this.#isOfferDue = true;
    return (await exchangeOf(request)?.requeue(why, detail)) ?? false;
  }

  async close(timeoutMs: number): Promise<void> {
    const endAt = performance.now() + timeoutMs;
    while (this.#held.size > 0 && performance.now() < endAt) await sleep(10);
    clearInterval(this.#reporting);
    await this.#keeper.close('the agent has ended');
  }

  // Calls of the links.

  find(ticket: string): LinkExchange | undefined {
    return this.#held.find(ticket);
  }

  onWelcome(link: HubLink, welcome: { instance: string; leaseMs: number }): void {
    this.#leaseMs = welcome.leaseMs;
    link.isSpare = !this.#keeper.welcomed(link);
    if (link === this.#keeper.primary) this.#instance = welcome.instance;
    const { hub, isSpare } = link;
    this.#options.log[isSpare ? 'debug' : 'info']({ hub, instance: welcome.instance }, 'linked to a hub');
    this.#onLinksChanged();
  }

  onGrant(link: HubLink, { slots, state }: Grant): void {
    if (link !== this.#keeper.primary) return;
    const { group, scopes, onGrant } = this.#options;
    this.#state = link.isFor(group, scopes) ? state : 'moved';
    onGrant({ slots: slots + this.#held.elsewhere(link), state: this.#state });
    this.#onJoined();
  }

  onRequest(link: HubLink, channel: number, { ticket, pulled }: HandedRequest): LinkExchange | undefined {
    if (this.#held.find(ticket)) throw new LinkFault('protocol', 'a ticket that is in use');
    if (!pulled) {
      link.socket.send(MESSAGE.data, channel, { failed: 'upstream-failed\nthe request cannot be read' });
      return undefined;
    }
    const exchange = new LinkExchange({
      request: pulled,
      ticket,
      carrier: link,
      channel,
      onFree: () => this.#onFree(exchange),
      onOver: () => this.#onOver(exchange),
    });
    this.#held.add(exchange);
    pulled.exchange = exchange;
    if (this.#stop === 'stopped') void exchange.requeue('unstarted', 'the agent ends');
    else this.#queue.push(exchange);
    this.#onArrival();
    return exchange;
  }

  rename(exchange: LinkExchange, ticket: string): void {
    this.#held.rename(exchange, ticket);
  }

  nextHandle(): string {
    this.#lastHandle += 1;
    return String(this.#lastHandle);
  }

  onAway(): void {
    this.#keeper.onAway();
    this.#onLinksChanged();
  }

  onRefused(link: HubLink, { code, reason, retryMs }: Refused): void {
    const { turns, onRevoked, log } = this.#options;
    if (code === TOKEN_ENDED) return onRevoked();
    log.warn({ hub: link.hub, code, reason }, 'a hub has ended its link');
    if (retryMs !== undefined) turns.putOff(link.hub, retryMs, performance.now());
    link.socket.close('refused by the hub');
  }

  onClosed(link: HubLink, why: string): void {
    const { hub, socket, welcome } = link;
    if (welcome) this.#former = welcome.instance;
    // Its hub stopped renewing the lease when it heard nothing any more.
    const leftMs = Math.max(0, socket.heardAt + this.#leaseMs - performance.now());
    this.#held.await(link.exchanges(), leftMs, () => (this.#former = undefined));
    this.#options.log[welcome && !link.isSpare ? 'info' : 'debug']({ hub, why }, 'a link to a hub has ended');
    this.#keeper.onClosed(link);
    this.#onLinksChanged();
  }

  #greet(hub: string, dialled: DialledHub): HubLink {
    const present = this.#held.orphans().map((exchange) => exchange.present());
    const hello = { name: this.#options.name, former: this.#former, turn: ++lastTurn, present };
    this.#former = undefined;
    return new HubLink({ hub, dialled, hello, offer: this.#offerFor(undefined), host: this });
  }

  /** The link with the slots has as many as no other one uses; undefined: a new one. */
  #offerFor(link: HubLink | undefined): LinkOffer {
    const { slots, report } = this.#options.report();
    const { primary } = this.#keeper;
    const hasSlots = link ? link === primary : primary?.isGood !== true;
    const most = this.#stop === 'no' ? slots : Math.min(slots, this.#held.running);
    return { slots: hasSlots ? Math.max(0, most - this.#held.elsewhere(link)) : 0, report };
  }

  /** The slots are offered where they are from now on before they are taken back elsewhere. */
  #offerAll({ always = false } = {}): void {
    const { primary, links } = this.#keeper;
    if (always) this.#isOfferDue = false;
    primary?.offer(this.#offerFor(primary), always);
    for (const link of links) if (link !== primary) link.offer(this.#offerFor(link));
  }

  #onLinksChanged(): void {
    const { primary, links } = this.#keeper;
    if (primary?.welcome) this.#instance = primary.welcome.instance;
    this.#offerAll();
    // The former link may have been lost before it was told.
    if (primary && primary.grant.state !== this.#state) this.onGrant(primary, primary.grant);
    for (const link of links) {
      if (link !== primary && (link.isAway || link.isSpare) && link.isIdle)
        link.socket.close('not needed any more');
    }
  }

  #onFree(exchange: LinkExchange): void {
    if (this.#queue.length > 0) this.#queue = this.#queue.filter((each) => each !== exchange);
    if (exchange.carrier !== this.#keeper.primary) this.#offerAll();
  }

  #onOver(exchange: LinkExchange): void {
    this.#held.delete(exchange);
    exchange.carrier?.release(exchange);
    if (exchange.carrier !== this.#keeper.primary) this.#onLinksChanged();
  }

  /** Resolves when there is a request, or nothing is pulled any more, or after a while. */
  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, PULL_MS);
      this.#onArrival = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function exchangeOf(request: PulledRequest): LinkExchange | undefined {
  return request instanceof LinkRequest ? request.exchange : undefined;
}

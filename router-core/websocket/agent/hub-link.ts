import type { Grant } from '../../exchange/agent-link.ts';
import { ChurnMap } from '../../runtime/churn-map.ts';
import { LINK_CHANNEL, LINK_PROTOCOL_VERSION, MESSAGE, type LinkMessage } from '../wire/link-message.ts';
import { LinkFault, LinkSocket } from '../wire/link-socket.ts';
import { readCount, readData, readJson } from '../wire/read-parts.ts';
import type { DialledHub } from './hub-dialer.ts';
import {
  awaySchema,
  goneSchema,
  grantSchema,
  readRequest,
  refusedSchema,
  requeuedSchema,
  resumedSchema,
  stopSchema,
  welcomeSchema,
  type HandedRequest,
  type Refused,
  type Welcome,
} from './hub-messages.ts';
import type { Carrier, LinkExchange } from './link-exchange.ts';
import { LinkOffers, type LinkOffer } from './link-offers.ts';

export interface Hello {
  readonly name: string;
  /** Name that a link had which is lost. */
  readonly former: string | undefined;
  /** Counts the links of this process, from 1. */
  readonly turn: number;
  readonly present: readonly { readonly ticket: string }[];
}

/** The parts of its agent that a link uses. */
export interface LinkHost {
  onWelcome(link: HubLink, welcome: Welcome): void;
  onGrant(link: HubLink, grant: Grant): void;
  /** Undefined for a request that nobody can run: it is answered already. */
  onRequest(link: HubLink, channel: number, request: HandedRequest): LinkExchange | undefined;
  /** The exchange that this agent has under a ticket. */
  find(ticket: string): LinkExchange | undefined;
  /** Stores an exchange under another ticket. */
  rename(exchange: LinkExchange, ticket: string): void;
  /** Names a request that was handed over. */
  nextHandle(): string;
  onAway(): void;
  onRefused(link: HubLink, refused: Refused): void;
  onClosed(link: HubLink, why: string): void;
}

/** A welcome that has not come by then never comes, ms. */
const WELCOME_MS = 10_000;

export interface HubLinkOptions {
  readonly hub: string;
  readonly dialled: DialledHub;
  readonly hello: Hello;
  readonly offer: LinkOffer;
  readonly host: LinkHost;
}

/** One connection to a hub, from its hello to its end. */
export class HubLink implements Carrier {
  readonly hub: string;
  readonly socket: LinkSocket;
  readonly since = performance.now();
  /** Undefined until the hub has answered the hello. */
  welcome: Welcome | undefined;
  /** Its hub ends soon. */
  isAway = false;
  /** Not needed once it carries nothing. */
  isSpare = false;
  readonly #host: LinkHost;
  readonly #channels = new ChurnMap<LinkExchange, number>();
  /** Tickets that the hello has presented and the hub has not answered yet. */
  readonly #presented: Set<string>;
  readonly #welcomeDue: NodeJS.Timeout;
  readonly #offers = new LinkOffers();

  constructor({ hub, dialled, hello, offer, host }: HubLinkOptions) {
    this.hub = hub;
    this.#host = host;
    this.socket = new LinkSocket({
      ...dialled,
      side: 'agent',
      onMessage: (message) => this.#onMessage(message),
      isIdle: () => this.#channels.size === 0,
      onClose: (why) => this.#onClose(why),
    });
    this.#welcomeDue = setTimeout(() => this.socket.terminate('no welcome came'), WELCOME_MS);
    const { name, former, turn, present } = hello;
    this.#presented = new Set(present.map(({ ticket }) => ticket));
    this.socket.send(MESSAGE.hello, LINK_CHANNEL, {
      protocol: LINK_PROTOCOL_VERSION,
      name,
      former,
      turn,
      offer: this.#offers.next(offer, true),
      present,
    });
  }

  /** True when the link may have the slots. */
  get isGood(): boolean {
    return this.welcome !== undefined && !this.isAway && !this.socket.closed;
  }

  /** True when the link carries nothing, not even messages that the hub has not acknowledged. */
  get isIdle(): boolean {
    if (this.#channels.size > 0) return false;
    for (const ticket of this.#presented) if (this.#host.find(ticket)) return false;
    return true;
  }

  get grant(): Grant {
    return this.#offers.grant;
  }

  /** True when its hub has been asked about a request that had lost its link. */
  presents(ticket: string): boolean {
    return this.#presented.has(ticket);
  }

  exchanges(): LinkExchange[] {
    return this.#channels.values();
  }

  /** Says what is offered here, when that has changed or `always`. */
  offer(offer: LinkOffer, always = false): void {
    const next = this.#offers.next(offer, always);
    if (next) this.socket.send(MESSAGE.offer, LINK_CHANNEL, next);
  }

  /** Resolves when the hub has answered the last offer, or the link is closed. */
  answered(): Promise<void> {
    return this.#offers.answered();
  }

  release(exchange: LinkExchange): void {
    if (this.#channels.get(exchange.channel) !== exchange) return;
    this.#channels.delete(exchange.channel);
    this.#watchClosely();
  }

  /** True when the record of the token is the one that this agent knows. A hub that does not name it is trusted. */
  isFor(group: string, scopes: readonly string[]): boolean {
    const now = this.welcome;
    if (now?.group !== undefined && now.group !== group) return false;
    return now?.scopes === undefined || setOf(now.scopes) === setOf(scopes);
  }

  #onMessage(message: LinkMessage): void {
    const { type, channel, json } = message;
    if (type === MESSAGE.refused) return this.#host.onRefused(this, readJson(refusedSchema, json));
    if (type === MESSAGE.welcome) return this.#onWelcome(readJson(welcomeSchema, json));
    if (!this.welcome) throw new LinkFault('protocol', 'the first message must be a welcome');
    if (channel !== LINK_CHANNEL) return this.#onRequestMessage(message);
    switch (type) {
      case MESSAGE.grant:
        this.#offers.onGrant(readJson(grantSchema, json));
        return this.#host.onGrant(this, this.#offers.grant);
      case MESSAGE.gone: {
        const { ticket, why = 'lost' } = readJson(goneSchema, json);
        this.#presented.delete(ticket);
        return this.#host.find(ticket)?.take(why);
      }
      case MESSAGE.away:
        readJson(awaySchema, json);
        this.isAway = true;
        return this.#host.onAway();
      default:
        throw new LinkFault('protocol', `a message of type ${type} about the link`);
    }
  }

  #onRequestMessage(message: LinkMessage): void {
    const { type, channel, json, body } = message;
    if (type === MESSAGE.request) return this.#onRequest(message);
    if (type === MESSAGE.resumed) return this.#onResumed(message);
    // An exchange that is over here may still get messages that were on their way.
    const exchange = this.#channels.get(channel);
    switch (type) {
      case MESSAGE.data:
        return exchange?.onData(readData(json), body);
      case MESSAGE.credit:
        return exchange?.onCredit(readCount(json['upTo']));
      case MESSAGE.stop:
        return exchange?.take(readJson(stopSchema, json).why);
      case MESSAGE.settled:
        return exchange?.onSettled();
      case MESSAGE.requeued:
        return exchange?.onRequeued(readJson(requeuedSchema, json).moved);
      default:
        throw new LinkFault('protocol', `a message of type ${type} about a request`);
    }
  }

  #onWelcome(welcome: Welcome): void {
    if (this.welcome) throw new LinkFault('protocol', 'a second welcome');
    clearTimeout(this.#welcomeDue);
    this.welcome = welcome;
    this.#offers.mostSlots = welcome.limits.slots;
    this.#offers.onGrant(welcome.grant);
    this.#host.onWelcome(this, welcome);
    this.#host.onGrant(this, this.#offers.grant);
  }

  #onRequest(message: LinkMessage): void {
    const { channel } = message;
    if (this.#channels.has(channel)) throw new LinkFault('protocol', 'a channel that is in use');
    if (this.#isFull()) throw new LinkFault('limit', 'more requests than were granted');
    const exchange = this.#host.onRequest(this, channel, readRequest(message, this.#host.nextHandle()));
    if (exchange) this.#carry(channel, exchange);
  }

  #isFull(): boolean {
    // A request that is being requeued keeps its channel here for a moment longer than there: hence twice.
    const most = 2 * this.#offers.mostGranted;
    // They are counted only when they may be too many: each request asks.
    return this.#channels.size >= most && this.exchanges().filter(({ isFree }) => !isFree).length >= most;
  }

  #onResumed({ channel, json }: LinkMessage): void {
    const { ticket, next, ...resumption } = readJson(resumedSchema, json);
    if (this.#channels.has(channel)) throw new LinkFault('protocol', 'a channel that is in use');
    const exchange = this.#host.find(ticket);
    this.#presented.delete(ticket);
    if (exchange && !exchange.carrier) {
      if (next !== undefined) this.#host.rename(exchange, next);
      if (exchange.resume(this, { channel, ...resumption })) return this.#carry(channel, exchange);
      exchange.take('lost');
    }
    this.socket.send(MESSAGE.data, channel, { failed: 'agent-lost\nthe agent does not have it any more' });
  }

  #carry(channel: number, exchange: LinkExchange): void {
    this.#channels.set(channel, exchange);
    this.#watchClosely();
  }

  /** A hub renews the lease of what runs here only while it hears of this end, and this end must know as soon as it does not. */
  #watchClosely(): void {
    const leaseMs = this.welcome?.leaseMs;
    if (leaseMs !== undefined) this.socket.expectWords(leaseMs / 6, leaseMs / 3);
  }

  #onClose(why: string): void {
    clearTimeout(this.#welcomeDue);
    for (const exchange of this.#channels.values()) exchange.detach();
    this.#offers.end();
    this.#host.onClosed(this, why);
  }
}

/** The same for the same scopes, in whatever order. */
function setOf(scopes: readonly string[]): string {
  return [...scopes].sort().join('+');
}

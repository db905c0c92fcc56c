import { randomBytes } from 'node:crypto';
import type { AgentLink, Grant, PulledRequest } from '../../exchange/agent-link.ts';
import { ChurnMap } from '../../runtime/churn-map.ts';
import { LINK_CHANNEL, MESSAGE, type LinkMessage } from '../wire/link-message.ts';
import { LinkFault, type LinkSocket } from '../wire/link-socket.ts';
import type { AgentIdentity } from './agent-directory.ts';
import { readCount, readData, readJson } from '../wire/read-parts.ts';
import { offerSchema, requeueSchema, type Hello, type Offer } from './link-schemas.ts';
import type { AdoptedRequest } from '../../exchange/relay-link.ts';
import type { RelayAgent } from './relay-agent.ts';
import { RelayedRequest, type Carrier } from './relayed-request.ts';

export interface LinkedAgentOptions {
  readonly socket: LinkSocket;
  readonly identity: AgentIdentity;
  readonly hello: Hello;
  /** The lease of its group. */
  readonly leaseMs: number;
  /** It offers something else now. */
  readonly onOffer: (agent: LinkedAgent) => void;
  /** One of its slots is free. */
  readonly onFree: () => void;
  /** It has not reached its upstream, and offers one slot less. */
  readonly onUnreached: () => void;
}

/** The tickets of a request that goes on here. */
export interface AdoptedTicket {
  readonly ticket: string;
  readonly former: string;
  /** Bytes of the rest of the request's body that the agent has. */
  readonly have: number;
}

/** One agent behind a link, as its relay sees it: what it offers, what it may have, and what it runs. */
export class LinkedAgent implements RelayAgent, Carrier {
  readonly instance: string;
  readonly socket: LinkSocket;
  readonly identity: AgentIdentity;
  readonly name: string;
  offer: Offer;
  grant: Grant = { slots: 0, state: 'active' };
  readonly #options: LinkedAgentOptions;
  readonly #requests = new ChurnMap<RelayedRequest, number>();
  #lastChannel = 0;
  /** Requests that it presents, until they go on. */
  #returning: number;
  /** The last grant that it was told. */
  #told = '';
  #isWelcome = false;

  constructor(options: LinkedAgentOptions) {
    const { socket, identity, hello } = options;
    this.#options = options;
    this.socket = socket;
    this.identity = identity;
    this.name = hello.name;
    this.offer = hello.offer;
    this.#returning = hello.present.length;
    this.instance = `${hello.name}.${randomBytes(4).toString('hex')}`;
  }

  get holder(): string {
    return this.identity.record;
  }

  /** The lease of its group. */
  get leaseMs(): number {
    return this.#options.leaseMs;
  }

  get heardAt(): number {
    return this.socket.heardAt;
  }

  get roundTripMs(): number | undefined {
    return this.socket.roundTripMs;
  }

  get running(): number {
    return this.#requests.size + this.#returning;
  }

  get free(): number {
    if (this.socket.closed || !this.#isWelcome) return 0;
    return Math.min(this.offer.slots, this.grant.slots) - this.running;
  }

  requests(): RelayedRequest[] {
    return this.#requests.values();
  }

  run(link: AgentLink, request: PulledRequest, ticket: string): void {
    this.#begin(
      (channel) => new RelayedRequest({ link, request, ticket, channel, carrier: this }),
      (relayed) => relayed.hand(request),
    );
  }

  /** Goes on with a request of another hub; `former` is the ticket that this agent has presented. */
  adopt(link: AgentLink, adopted: AdoptedRequest, { ticket, former, have }: AdoptedTicket): RelayedRequest {
    const { request } = adopted;
    return this.#begin(
      (channel) => new RelayedRequest({ link, request, ticket, channel, carrier: this }),
      (relayed) => relayed.adopt(adopted, former, have),
    );
  }

  /** A request that it has presented goes on, or is gone. */
  returned(): void {
    this.#returning -= 1;
    this.#options.onFree();
  }

  #begin(
    make: (channel: number) => RelayedRequest,
    start: (relayed: RelayedRequest) => void,
  ): RelayedRequest {
    const channel = ++this.#lastChannel;
    const relayed = make(channel);
    // The slot is taken first: the request may be over before it has begun.
    this.#carry(channel, relayed);
    start(relayed);
    return relayed;
  }

  /** Goes on with a request that another link of the same agent had. */
  resume(relayed: RelayedRequest, presented: string, have: number): boolean {
    const channel = ++this.#lastChannel;
    if (!relayed.attach({ carrier: this, channel }, presented, have)) return false;
    this.#carry(channel, relayed);
    return true;
  }

  tell(grant: Grant): void {
    this.grant = grant;
    if (!this.#isWelcome) return;
    const message = this.#grantMessage();
    const text = JSON.stringify(message);
    if (text !== this.#told) this.socket.send(MESSAGE.grant, LINK_CHANNEL, message);
    this.#told = text;
  }

  /** Its hello is answered; from now on it is handed requests. */
  welcome(about: object): void {
    const grant = this.#grantMessage();
    this.socket.send(MESSAGE.welcome, LINK_CHANNEL, { ...about, instance: this.instance, grant });
    this.#told = JSON.stringify(grant);
    this.#isWelcome = true;
  }

  #grantMessage(): { n: number; slots: number; state: Grant['state'] } {
    const { slots, state } = this.grant;
    return { n: this.offer.n, slots: Math.min(slots, this.offer.slots), state };
  }

  /** A message that is not about the link itself is about one of its requests. */
  onMessage({ type, channel, json, body }: LinkMessage): void {
    if (type === MESSAGE.offer) {
      const { labels, hardware } = this.offer.report;
      const offer = readJson(offerSchema, json);
      // Sent only when they are new.
      this.offer = { ...offer, report: { labels, hardware, ...offer.report } };
      return this.#options.onOffer(this);
    }
    if (type === MESSAGE.refused) return this.socket.close('refused by the agent');
    const request = this.#requests.get(channel);
    switch (type) {
      case MESSAGE.data:
        // Messages for an exchange that is over may still be on their way.
        return request?.onData(readData(json), body);
      case MESSAGE.credit:
        return request?.onCredit(readCount(json['upTo']));
      case MESSAGE.requeue: {
        const { why, detail } = readJson(requeueSchema, json);
        if (why === 'unreachable' && request) this.#offerOneLess();
        void request?.onRequeue(why, detail).then(() => {
          if (why === 'unreachable') this.#options.onUnreached();
        });
        return;
      }
      default:
        throw new LinkFault('protocol', `a message of type ${type}`);
    }
  }

  /** Until its next offer. Otherwise it would get the request again at once. */
  #offerOneLess(): void {
    this.offer = { ...this.offer, slots: Math.max(0, this.offer.slots - 1) };
  }

  /** The link is gone. Returns what it ran. */
  detach(): RelayedRequest[] {
    const requests = this.#requests.values();
    this.#requests.clear();
    for (const request of requests) request.detach();
    return requests;
  }

  #carry(channel: number, relayed: RelayedRequest): void {
    this.#requests.set(channel, relayed);
    // A request is renewed only while its link is heard of.
    const { leaseMs } = this.#options;
    this.socket.expectWords(leaseMs / 6, leaseMs / 3);
  }

  release(relayed: RelayedRequest): void {
    if (!this.#requests.delete(relayed.channel)) return;
    this.#options.onFree();
  }
}

import { randomBytes } from 'node:crypto';
import type { AgentLink, Grant, PulledRequest } from '../../exchange/agent-link.ts';
import { LINK_CHANNEL, MESSAGE, type LinkMessage } from '../wire/link-message.ts';
import { LinkFault, type LinkSocket } from '../wire/link-socket.ts';
import type { AgentIdentity } from './agent-directory.ts';
import { readCount, readData, readJson } from '../wire/read-parts.ts';
import { offerSchema, requeueSchema, type Hello, type Offer } from './link-schemas.ts';
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
  readonly #requests = new Map<number, RelayedRequest>();
  #lastChannel = 0;
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
    this.instance = `${hello.name}.${randomBytes(4).toString('hex')}`;
  }

  get holder(): string {
    return this.identity.record;
  }

  get heardAt(): number {
    return this.socket.heardAt;
  }

  get roundTripMs(): number | undefined {
    return this.socket.roundTripMs;
  }

  get running(): number {
    return this.#requests.size;
  }

  get free(): number {
    if (this.socket.closed || !this.#isWelcome) return 0;
    return Math.min(this.offer.slots, this.grant.slots) - this.#requests.size;
  }

  requests(): IterableIterator<RelayedRequest> {
    return this.#requests.values();
  }

  run(link: AgentLink, request: PulledRequest, ticket: string): void {
    const channel = ++this.#lastChannel;
    // The slot is taken first: the request may be over before its constructor returns.
    let isOver = false;
    const onOver = () => {
      isOver = true;
      this.#onOver(relayed);
    };
    const relayed = new RelayedRequest({ link, request, ticket, channel, carrier: this, onOver });
    if (!isOver) this.#carry(channel, relayed);
  }

  /** Goes on with a request that another link of the same agent had. */
  resume(relayed: RelayedRequest, have: number): boolean {
    const channel = ++this.#lastChannel;
    if (!relayed.attach(this, channel, have)) return false;
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
      this.offer = readJson(offerSchema, json);
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
        void request?.onRequeue(why, detail);
        return;
      }
      default:
        throw new LinkFault('protocol', `a message of type ${type}`);
    }
  }

  /** The link is gone. Returns what it ran. */
  detach(): RelayedRequest[] {
    const requests = [...this.#requests.values()];
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

  #onOver(relayed: RelayedRequest): void {
    const carrier = relayed.carrier;
    if (carrier instanceof LinkedAgent) carrier.#release(relayed);
  }

  #release(relayed: RelayedRequest): void {
    if (!this.#requests.delete(relayed.channel)) return;
    this.#options.onFree();
  }
}

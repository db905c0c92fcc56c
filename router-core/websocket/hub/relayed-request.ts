import type {
  AgentExchange,
  AgentLink,
  ExchangeHandlers,
  OwnedRequest,
  PulledRequest,
  StoredReply,
} from '../../exchange/agent-link.ts';
import type { AdoptedRequest } from '../../exchange/relay-link.ts';
import { WINDOW_BYTES } from '../../exchange/frame-stream.ts';
import { isInterimHead, MOST_INTERIM_HEADS } from '../../exchange/heads.ts';
import { relayedOwner } from '../../exchange/reply-owner.ts';
import { MESSAGE } from '../wire/link-message.ts';
import { LinkReader } from '../wire/link-reader.ts';
import { LinkFault, type LinkSocket } from '../wire/link-socket.ts';
import { LinkWriter } from '../wire/link-writer.ts';
import type { Data } from '../wire/read-parts.ts';
import { readFailure, requestJson } from './handed-request.ts';
import { HeldReply } from './held-reply.ts';

/** The link that carries a request now. */
export interface Carrier {
  readonly socket: LinkSocket;
  /** Name of the agent at its other end. */
  readonly instance: string;
  /** The request's slot is free. */
  release(request: RelayedRequest): void;
}

/** The channel of a link. */
export interface Attachment {
  readonly carrier: Carrier;
  readonly channel: number;
}

export interface RelayedRequestOptions {
  readonly link: AgentLink;
  readonly request: OwnedRequest;
  readonly ticket: string;
  readonly channel: number;
  readonly carrier: Carrier;
}

/** One request at an agent behind a link: hands over what comes for it, and passes on what the agent replies. */
export class RelayedRequest implements ExchangeHandlers {
  readonly ticket: string;
  readonly #options: RelayedRequestOptions;
  #exchange: AgentExchange | undefined;
  /** The rest of the request's body, on its way to the agent. Undefined when all of it has gone with the request. */
  #up: LinkWriter | undefined;
  /** Reads the reply's body. */
  #down: LinkReader;
  /** The reply's body, as far as the store has no room for it yet. */
  #held: HeldReply | undefined;
  #carrier: Carrier | undefined;
  #channel: number;
  #headSeen = false;
  #interims = 0;
  #over = false;
  /** Its agent has shown that it has it. */
  #arrived = false;
  /** The store has told that nobody awaits it here. */
  #stopped = false;
  #replyEnded = false;
  /** The bytes of the request's body that the agent has asked for. */
  #asked = 0;
  #requeueing = false;
  /** The ticket that its agent had from another hub. */
  #former: string | undefined;
  /** Bytes of the reply's body that the store has. */
  #stored = 0;

  constructor(options: RelayedRequestOptions) {
    const { channel, carrier } = options;
    this.#options = options;
    this.ticket = options.ticket;
    this.#channel = channel;
    this.#carrier = carrier;
    this.#down = this.#reader(0, WINDOW_BYTES);
  }

  /** Hands the request to its agent. */
  hand(request: PulledRequest): void {
    if (request.bodyFollows) this.#up = this.#writer(0, 0);
    this.#begin(this.#options.link.open(request, this));
    const { carrier, channel } = this.#options;
    carrier.socket.sendWith(MESSAGE.request, channel, requestJson(request, this.ticket), request.body);
  }

  /** Goes on with a request that the agent has from another hub, and that has `have` bytes of its body. */
  adopt(adopted: AdoptedRequest, former: string, have: number): void {
    const { point } = adopted;
    this.#former = former;
    this.#arrived = true;
    this.#headSeen = point.headSeen;
    this.#asked = point.asked;
    this.#down = this.#reader(point.received, point.upTo);
    this.#up = this.#writer(point.asked, have);
    const { received, upTo, headSeen } = point;
    this.#say(MESSAGE.resumed, { ticket: former, next: this.ticket, have: received, headSeen, upTo });
    this.#begin(adopted.open(this));
  }

  #begin(exchange: AgentExchange): void {
    this.#exchange = exchange;
    this.#held = new HeldReply(exchange.reply);
  }

  #writer(upTo: number, from: number): LinkWriter {
    const { carrier, channel } = this.#options;
    return new LinkWriter({ target: carrier.socket, channel, upTo, from, onWritable: () => undefined });
  }

  #reader(received: number, upTo: number): LinkReader {
    return new LinkReader({ received, upTo, onCredit: (most) => this.#say(MESSAGE.credit, { upTo: most }) });
  }

  get id(): string {
    return this.#options.request.id;
  }

  /** True when it does not go on here: it has ended, or another relay has it. */
  get isOver(): boolean {
    return this.#over || this.#stopped;
  }

  /** False while nothing shows that it has ever reached its agent. */
  get hasArrived(): boolean {
    return this.#arrived;
  }

  /** True when this ticket is for it: the agent may not have heard of a new one. */
  isFor(ticket: string): boolean {
    return ticket === this.ticket || ticket === this.#former;
  }

  get channel(): number {
    return this.#channel;
  }

  get carrier(): Carrier | undefined {
    return this.#carrier;
  }

  // Events from the store.

  onBody(chunk: Buffer): void {
    this.#up?.write(chunk);
  }

  onBodyEnd(trailers: string): void {
    this.#up?.end(trailers);
  }

  onStop(why: string): void {
    if (this.#over) return;
    this.#stopped = true;
    this.#say(MESSAGE.stop, { why });
    this.#up?.abandon();
    this.#held?.clear();
    // The entry of one that is over is gone: nothing is to be settled, and its agent may bring it back from another relay.
    if (why === 'over') this.#exchange?.abandon();
    else this.#exchange?.reply.close();
  }

  onWritable(): void {
    this.#held?.onWritable();
  }

  onSettled(): void {
    if (this.#over) return;
    this.#over = true;
    this.#up?.abandon();
    this.#carrier?.release(this);
  }

  /** The agent may forget what the store has. */
  onStored({ bytes, isSettled }: StoredReply): void {
    this.#down.consume(bytes - this.#stored);
    this.#stored = bytes;
    // The agent only keeps what it has sent until then.
    if (isSettled) this.#carrier?.socket.sendLater(MESSAGE.settled, this.#channel);
  }

  // Messages of the agent.

  onData({ head, end, failed, closed }: Data, body: Buffer): void {
    this.#arrived = true;
    const reply = this.#exchange?.reply;
    if (!reply || !this.#held || this.#over || this.#replyEnded) return;
    if (!this.#down.accept(body.length)) throw new LinkFault('limit', 'a reply beyond its window');
    if (head !== undefined) this.#onHead(head, body);
    if (body.length > 0) {
      if (!this.#headSeen) throw new LinkFault('protocol', 'a body before its head');
      this.#held.write(body);
    }
    this.#replyEnded = failed !== undefined || closed === true || end !== undefined;
    if (failed !== undefined) {
      const { code, detail } = readFailure(failed);
      this.#held.finish(() => reply.fail(code, detail));
    } else if (closed) {
      this.#held.clear();
      reply.close();
    } else if (end !== undefined) {
      if (!this.#headSeen) throw new LinkFault('protocol', 'an end before its head');
      this.#held.finish(() => reply.end(end));
    }
  }

  onCredit(upTo: number): void {
    this.#arrived = true;
    const more = upTo - this.#asked;
    const exchange = this.#exchange;
    if (more <= 0 || this.#over || !exchange) return;
    if (upTo > this.#sentUp + WINDOW_BYTES) throw new LinkFault('protocol', 'credit beyond the window');
    if (this.#asked === 0) exchange.reply.start({ owner: this.#owner, credit: upTo });
    else exchange.consume(more);
    this.#asked = upTo;
    this.#up?.credit(upTo);
  }

  async onRequeue(why: 'unstarted' | 'unreachable' | 'failed', detail: string): Promise<void> {
    if (this.#over || this.#requeueing) return;
    this.#requeueing = true;
    const moved = await this.#options.link.requeue(this.#options.request, why, detail);
    this.#requeueing = false;
    this.#say(MESSAGE.requeued, { moved });
    if (moved) this.#exchange?.abandon();
  }

  // Events of its link.

  /** The link is lost; the request waits for its agent to come back. */
  detach(): void {
    this.#carrier = undefined;
    this.#up?.detach();
  }

  /** Its agent is back, on another link, and has received so many bytes of the request's body. Returns false when that cannot be. */
  attach({ carrier, channel }: Attachment, presented: string, have: number): boolean {
    if (have > this.#sentUp) return false;
    this.#arrived = true;
    this.#carrier = carrier;
    this.#channel = channel;
    const { received, upTo } = this.#down;
    const next = presented === this.ticket ? undefined : this.ticket;
    const headSeen = this.#headSeen;
    this.#say(MESSAGE.resumed, { ticket: presented, next, have: received, headSeen, upTo });
    const up = this.#up;
    return !up || up.resume(carrier.socket, { channel, have, headSeen: true, upTo: this.#asked });
  }

  /** Its agent has not come back. `seen`: it may have run the request. */
  async lose(seen: boolean, detail: string): Promise<void> {
    if (this.#over || this.#requeueing) return;
    const exchange = this.#exchange;
    if (!exchange) return;
    const hasBegun = this.#headSeen || this.#interims > 0;
    this.#requeueing = true;
    const moved =
      !hasBegun &&
      (await this.#options.link.requeue(this.#options.request, seen ? 'failed' : 'unstarted', detail));
    if (moved) exchange.abandon();
    else exchange.reply.fail('agent-lost', detail);
  }

  /** Bytes of the request's body that were handed on, without what came with the request. */
  get #sentUp(): number {
    return this.#up?.written ?? 0;
  }

  get #owner(): string {
    const { link, carrier } = this.#options;
    return relayedOwner(link.instance, (this.#carrier ?? carrier).instance);
  }

  #onHead(head: string, body: Buffer): void {
    if (isInterimHead(head)) {
      if (body.length > 0) throw new LinkFault('protocol', 'an interim head with a body');
      this.#interims += 1;
      if (this.#interims > MOST_INTERIM_HEADS) throw new LinkFault('limit', 'too many interim heads');
      return this.#exchange?.reply.interim(this.#owner, head);
    }
    if (this.#headSeen) throw new LinkFault('protocol', 'a second head');
    this.#headSeen = true;
    this.#exchange?.reply.start({ owner: this.#owner, head });
  }

  #say(type: number, json?: object): void {
    this.#carrier?.socket.send(type, this.#channel, json);
  }
}

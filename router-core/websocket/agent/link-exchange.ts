import type {
  AgentExchange,
  ExchangeHandlers,
  RequeueReason,
  PulledRequest,
  ReplyStream,
} from '../../exchange/agent-link.ts';
import { WINDOW_BYTES } from '../../exchange/frame-stream.ts';
import { loggable } from '../../exchange/frames.ts';
import { MESSAGE } from '../wire/link-message.ts';
import { LinkReader } from '../wire/link-reader.ts';
import { LinkFault, type LinkSocket } from '../wire/link-socket.ts';
import { LinkWriter, type Resumption } from '../wire/link-writer.ts';
import type { Data } from '../wire/read-parts.ts';

/** The link that carries an exchange now. */
export interface Carrier {
  readonly socket: LinkSocket;
  /** Its channel is over. */
  release(exchange: LinkExchange): void;
}

export interface LinkExchangeOptions {
  readonly request: PulledRequest;
  readonly ticket: string;
  readonly carrier: Carrier;
  readonly channel: number;
  /** Its slot is free. Called once. */
  readonly onFree: () => void;
  /** The hub knows all of it, or wants nothing of it any more. Called once. */
  readonly onOver: () => void;
}

/** One request at its agent, from the moment a hub hands it over until that hub or another one has settled it. */
export class LinkExchange implements AgentExchange {
  readonly request: PulledRequest;
  /** The proof that this agent was given the request; another hub that takes over gives another one. */
  ticket: string;
  readonly reply: ReplyStream;
  readonly #options: LinkExchangeOptions;
  readonly #writer: LinkWriter;
  /** Reads the rest of the request's body. */
  readonly #reader: LinkReader;
  #carrier: Carrier | undefined;
  #handlers: ExchangeHandlers | undefined;
  #isFree = false;
  #isOver = false;
  #bodyEnded = false;
  /** Why it ended before anybody had opened it. */
  #stopped: string | undefined;
  #requeue: { why: RequeueReason; detail: string; resolve: (moved: boolean) => void } | undefined;

  constructor(options: LinkExchangeOptions) {
    const { request, ticket, carrier, channel } = options;
    this.#options = options;
    this.request = request;
    this.ticket = ticket;
    this.#carrier = carrier;
    const writer = (this.#writer = new LinkWriter({
      target: carrier.socket,
      channel,
      upTo: WINDOW_BYTES,
      onWritable: () => this.#handlers?.onWritable(),
      onLast: () => this.#free(),
    }));
    const reader = (this.#reader = new LinkReader({
      upTo: 0,
      onCredit: (upTo) => this.#say(MESSAGE.credit, { upTo }),
    }));
    this.reply = {
      start({ head, credit }) {
        if (credit) reader.open(credit);
        if (head !== undefined) writer.head(head);
      },
      interim: (_owner, head) => writer.interim(head),
      write: (chunk) => writer.write(chunk),
      end: (trailers) => writer.end(trailers ?? ''),
      fail: (code, detail) => writer.fail(`${code}\n${loggable(detail)}`),
      close: () => writer.close(),
    };
  }

  get carrier(): Carrier | undefined {
    return this.#carrier;
  }

  get channel(): number {
    return this.#writer.channel;
  }

  /** True while its agent works on it. */
  get isRunning(): boolean {
    return !this.#isFree && this.#handlers !== undefined;
  }

  /** True when its slot is free. */
  get isFree(): boolean {
    return this.#isFree;
  }

  open(handlers: ExchangeHandlers): this {
    this.#handlers = handlers;
    const why = this.#stopped;
    // Whoever opens it has not been handed it yet.
    if (why !== undefined) queueMicrotask(() => this.#tell(why));
    return this;
  }

  consume(bytes: number): void {
    this.#reader.consume(bytes);
  }

  abandon(): void {
    this.#end();
    this.#free();
  }

  /** Resolves with whether somebody else will run it. */
  requeue(why: RequeueReason, detail: string): Promise<boolean> {
    if (this.#isOver) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#requeue = { why, detail: loggable(detail), resolve };
      this.#sayRequeue();
    });
  }

  // Messages of its hub.

  onData({ end, failed, closed }: Data, body: Buffer): void {
    if (this.#isFree) return;
    const handlers = this.#handlers;
    if (!handlers || this.#reader.upTo === 0)
      throw new LinkFault('protocol', 'a body that nobody has asked for');
    if (!this.#reader.accept(body.length)) throw new LinkFault('limit', 'a body beyond its window');
    if (body.length > 0) handlers.onBody(body);
    if (failed !== undefined || closed) handlers.onStop(failed ?? 'cancelled');
    else if (end !== undefined && !this.#bodyEnded) {
      // After a lost link it may come again.
      this.#bodyEnded = true;
      handlers.onBodyEnd(end);
    }
  }

  onCredit(upTo: number): void {
    this.#writer.credit(upTo);
  }

  onRequeued(moved: boolean): void {
    const requeue = this.#requeue;
    this.#requeue = undefined;
    if (!requeue) return;
    if (moved) this.#end();
    // Nobody has opened it, so nobody else answers it.
    else if (!this.#handlers) this.reply.fail('agent-lost', 'it could not be given to another agent');
    requeue.resolve(moved);
  }

  onSettled(): void {
    if (!this.#writer.ended) return this.take('over');
    this.#end();
    this.#free();
  }

  /** It is nothing of this agent's any more. `why` as in ExchangeHandlers. */
  take(why: string): void {
    if (this.#isOver) return;
    this.#end();
    this.#requeue?.resolve(why !== 'lost');
    this.#requeue = undefined;
    if (this.#handlers) this.#tell(why);
    else this.#stopped = why;
  }

  // Events of its link.

  detach(): void {
    this.#carrier = undefined;
    this.#writer.detach();
  }

  /** The data with which a new link presents it. */
  present(): { ticket: string; have: number } {
    return { ticket: this.ticket, have: this.#reader.received };
  }

  /** Goes on, on another link. Returns false when what the hub lacks is not kept any more. */
  resume(carrier: Carrier, resumption: Resumption): boolean {
    if (!this.#writer.resume(carrier.socket, resumption)) return false;
    this.#carrier = carrier;
    const { upTo } = this.#reader;
    if (upTo > 0) this.#say(MESSAGE.credit, { upTo });
    this.#sayRequeue();
    return true;
  }

  #sayRequeue(): void {
    if (!this.#requeue) return;
    const { why, detail } = this.#requeue;
    this.#say(MESSAGE.requeue, { why, detail });
  }

  #say(type: number, json: object): void {
    this.#carrier?.socket.send(type, this.#writer.channel, json);
  }

  #tell(why: string): void {
    if (!this.#isFree) this.#handlers?.onStop(why);
    this.#free();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#writer.abandon();
    this.#options.onOver();
  }

  #free(): void {
    if (this.#isFree) return;
    this.#isFree = true;
    this.#options.onFree();
    this.#handlers?.onSettled();
  }
}

import { WINDOW_BYTES } from '../../exchange/frame-stream.ts';
import { JoinedChunks } from '../../exchange/joined-chunks.ts';
import { encodeMessage, MESSAGE, PIECE_BYTES } from './link-message.ts';
import { SentTail } from './sent-tail.ts';

/** The parts of a `data` message. */
interface DataParts {
  head?: string;
  end?: string;
  failed?: string;
  closed?: true;
}

/** Where a writer's messages go; another one after the link was lost. */
export interface WriterTarget {
  /** The writer has something to send: `take` is called in its turn. */
  onPending(writer: LinkWriter): void;
}

/** The position of the other end in a body, after a lost link. */
export interface Resumption {
  readonly channel: number;
  readonly have: number;
  readonly headSeen: boolean;
  readonly upTo: number;
}

export interface LinkWriterOptions {
  readonly target: WriterTarget;
  readonly channel: number;
  /** Bytes that may be sent without being told. */
  readonly upTo: number;
  /** The other end has so many bytes already; 0 when left out. */
  readonly from?: number;
  readonly onWritable: () => void;
  /** The last message is about to be sent; called again when it is sent again. */
  readonly onLast?: () => void;
}

/**
 * One direction of one request on a link: parts and body bytes gather until their turn comes, then leave in order. What has not been
 * acknowledged is kept, so that it can be sent again on another link.
 */
export class LinkWriter {
  readonly #options: LinkWriterOptions;
  #target: WriterTarget | undefined;
  #channel: number;
  #parts: DataParts = {};
  #interims: string[] = [];
  #body = new JoinedChunks();
  readonly #tail: SentTail;
  /** The parts that were sent and that a new link may have to repeat. */
  #sent: DataParts | undefined;
  #isPending = false;
  #ended = false;
  #isClosed = false;
  #written: number;
  #upTo: number;

  constructor(options: LinkWriterOptions) {
    this.#options = options;
    this.#target = options.target;
    this.#channel = options.channel;
    this.#upTo = options.upTo;
    this.#written = options.from ?? 0;
    this.#tail = new SentTail(this.#written);
  }

  get writable(): boolean {
    return this.#written < this.#upTo;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Body bytes that were written, sent or not. */
  get written(): number {
    return this.#written;
  }

  get channel(): number {
    return this.#channel;
  }

  head(text: string): void {
    if (this.#ended) return;
    this.#parts.head = text;
    this.#pending();
  }

  interim(text: string): void {
    if (this.#ended) return;
    this.#interims.push(text);
    this.#pending();
  }

  /** Returns whether the window is still open. A caller that goes on nevertheless only uses memory, and is refused in the end. */
  write(chunk: Buffer): boolean {
    if (this.#ended || chunk.length === 0) return this.writable;
    this.#body.add(chunk);
    this.#written += chunk.length;
    this.#pending();
    return this.writable;
  }

  end(trailers: string): void {
    this.#finish({ end: trailers });
  }

  /** `code\ndetail`. */
  fail(text: string): void {
    this.#finish({ failed: text });
  }

  /** Nobody awaits the rest. */
  close(): void {
    if (this.#ended) return;
    this.#drop();
    this.#isClosed = true;
    this.#finish({ closed: true });
  }

  /** Sends nothing any more. */
  abandon(): void {
    this.#ended = true;
    this.#drop();
    this.#target = undefined;
  }

  /** The other end takes bytes up to this count; it never takes back what it has granted. */
  credit(upTo: number): void {
    // Nobody has consumed what was never sent: a larger count would only make this end use memory.
    const most = this.#written - this.#body.bytes + WINDOW_BYTES;
    const granted = Math.min(upTo, most);
    if (granted <= this.#upTo) return;
    const wasWritable = this.writable;
    this.#upTo = granted;
    this.#tail.drop(granted - WINDOW_BYTES);
    if (!wasWritable && this.writable && !this.#ended) this.#options.onWritable();
  }

  /** The link is lost: nothing is sent until `resume`. */
  detach(): void {
    this.#target = undefined;
    this.#isPending = false;
  }

  /** Goes on where the other end is. Returns false when that is not kept any more. */
  resume(target: WriterTarget, { channel, have, headSeen, upTo }: Resumption): boolean {
    if (!this.#isClosed && !this.#sendAgainFrom(have)) return false;
    this.#parts = { ...this.#sent, ...this.#parts };
    // It stays among the sent ones: whoever has seen it may be lost before the client has it.
    if (headSeen) delete this.#parts.head;
    this.#channel = channel;
    this.#target = target;
    this.credit(upTo);
    if (this.#hasMore()) this.#pending();
    return true;
  }

  /** The next message. What does not fit into it gets another turn. Undefined when there is nothing to send after all. */
  take(): Buffer | undefined {
    this.#isPending = false;
    if (!this.#target || !this.#hasMore()) return undefined;
    const message = this.#nextMessage();
    if (this.#hasMore()) this.#pending();
    else if (this.#ended) this.#options.onLast?.();
    return message;
  }

  #nextMessage(): Buffer {
    const interim = this.#interims.shift();
    if (interim !== undefined) return this.#message({ head: interim });
    const { head } = this.#parts;
    // A large head goes alone: no message becomes too large, whatever trailers come with the end.
    if (head !== undefined && head.length > PIECE_BYTES) return this.#message(this.#takeParts({ head }));
    const pieces = this.#body.take(PIECE_BYTES);
    this.#tail.add(pieces);
    const body = pieces.length > 1 ? Buffer.concat(pieces) : pieces[0];
    if (this.#body.bytes === 0) return this.#message(this.#takeAllParts(), body);
    return this.#message(this.#takeParts(head === undefined ? {} : { head }), body);
  }

  /** Moves these from what is to be sent to what was sent. */
  #takeParts(parts: DataParts): DataParts {
    for (const name of Object.keys(parts)) delete this.#parts[name as keyof DataParts];
    this.#sent = { ...this.#sent, ...parts };
    return parts;
  }

  /** As `takeParts`, for nearly all replies. */
  #takeAllParts(): DataParts {
    const parts = this.#parts;
    this.#parts = {};
    this.#sent = this.#sent ? { ...this.#sent, ...parts } : parts;
    return parts;
  }

  #message(parts: DataParts, body?: Buffer): Buffer {
    const json = Object.keys(parts).length === 0 ? undefined : parts;
    return encodeMessage(MESSAGE.data, this.#channel, json, body);
  }

  #sendAgainFrom(have: number): boolean {
    const again = this.#tail.takeFrom(have);
    if (!again) return false;
    for (const chunk of this.#body.take(Infinity)) again.push(chunk);
    this.#body = new JoinedChunks();
    for (const chunk of again) this.#body.add(chunk);
    return true;
  }

  #finish(parts: DataParts): void {
    if (this.#ended) return;
    this.#ended = true;
    Object.assign(this.#parts, parts);
    this.#pending();
  }

  #hasMore(): boolean {
    if (this.#interims.length > 0 || this.#body.bytes > 0) return true;
    for (const _ in this.#parts) return true;
    return false;
  }

  #drop(): void {
    this.#body.clear();
    this.#parts = {};
    this.#sent = undefined;
    this.#interims = [];
    this.#tail.drop(Infinity);
  }

  #pending(): void {
    if (this.#isPending || !this.#target) return;
    this.#isPending = true;
    this.#target.onPending(this);
  }
}

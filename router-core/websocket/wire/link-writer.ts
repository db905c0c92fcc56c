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

/** What the other end has of a body after a lost link. */
export interface Resumption {
  readonly channel: number;
  readonly have: number;
  readonly headSeen: boolean;
  readonly upTo: number;
}

/**
 * One direction of one request on a link: parts and body bytes gather until their turn comes, then leave in order. What has not been
 * acknowledged is kept, so that it can be sent again on another link.
 */
export class LinkWriter {
  readonly #onWritable: () => void;
  #target: WriterTarget | undefined;
  #channel: number;
  #parts: DataParts = {};
  #interims: string[] = [];
  #body = new JoinedChunks();
  readonly #tail = new SentTail();
  /** Of the parts that were sent: what a new link may have to hear again. */
  #sent: DataParts = {};
  #isPending = false;
  #ended = false;
  #written = 0;
  #upTo: number;

  constructor(options: { target: WriterTarget; channel: number; upTo: number; onWritable: () => void }) {
    this.#target = options.target;
    this.#channel = options.channel;
    this.#upTo = options.upTo;
    this.#onWritable = options.onWritable;
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
    if (upTo <= this.#upTo) return;
    const wasWritable = this.writable;
    this.#upTo = upTo;
    this.#tail.drop(upTo - WINDOW_BYTES);
    if (!wasWritable && this.writable && !this.#ended) this.#onWritable();
  }

  /** The link is lost: nothing is sent until `resume`. */
  detach(): void {
    this.#target = undefined;
    this.#isPending = false;
  }

  /** Goes on where the other end is. Returns false when that is not kept any more. */
  resume(target: WriterTarget, { channel, have, headSeen, upTo }: Resumption): boolean {
    const again = this.#tail.from(have);
    if (!again) return false;
    for (const chunk of this.#body.take(Infinity)) again.push(chunk);
    this.#body = new JoinedChunks();
    for (const chunk of again) this.#body.add(chunk);
    this.#parts = { ...this.#sent, ...this.#parts };
    if (headSeen) delete this.#parts.head;
    this.#sent = {};
    this.#tail.restart(have);
    this.#channel = channel;
    this.#target = target;
    this.#upTo = Math.max(this.#upTo, upTo);
    this.#pending();
    if (this.writable && !this.#ended) this.#onWritable();
    return true;
  }

  /** The next message. What does not fit into it gets another turn. Undefined when there is nothing to send after all. */
  take(): Buffer | undefined {
    this.#isPending = false;
    if (!this.#hasMore()) return undefined;
    const message = this.#nextMessage();
    if (this.#hasMore()) this.#pending();
    return message;
  }

  #nextMessage(): Buffer {
    const interim = this.#interims.shift();
    if (interim !== undefined) return encodeMessage(MESSAGE.data, this.#channel, { head: interim });
    const pieces = this.#body.take(PIECE_BYTES);
    const body = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    this.#tail.add(pieces);
    const parts: DataParts = {};
    if (this.#parts.head !== undefined) parts.head = this.#parts.head;
    if (this.#body.bytes === 0) Object.assign(parts, this.#parts);
    for (const name of Object.keys(parts)) delete this.#parts[name as keyof DataParts];
    Object.assign(this.#sent, parts);
    const json = Object.keys(parts).length === 0 ? undefined : parts;
    return encodeMessage(MESSAGE.data, this.#channel, json, body);
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
    this.#interims = [];
    this.#tail.drop(Infinity);
  }

  #pending(): void {
    if (this.#isPending || !this.#target) return;
    this.#isPending = true;
    this.#target.onPending(this);
  }
}

import { bytesOf, encodeFrame, loggable, type FrameParts } from './frames.ts';
import { JoinedChunks } from './joined-chunks.ts';
import type { Outgoing, Settlement } from './outgoing.ts';
import { encodeResumePoint, type ResumePoint } from './resume-point.ts';

/** How far a writer may be ahead of what its reader has consumed, bytes. */
export const WINDOW_BYTES = 1024 * 1024;

/** Chunks are gathered up to this size, so that one frame never keeps others waiting for long. */
const MAX_BODY_BYTES = 256 * 1024;

/** A writer learns that the window has closed only after it has read once more from its socket. */
const OVERSHOOT_BYTES = 256 * 1024;

/** The bytes for which a reader must have room: the window, and what arrives while it closes. */
export const ROOM_BYTES = WINDOW_BYTES + OVERSHOOT_BYTES;

/** Larger frames are bulk: their doorbell only says "read the stream". Smaller ones travel inside their doorbell, too. */
export const BULK_BYTES = 16 * 1024;

export interface FrameStreamOptions {
  readonly id: string;
  readonly attempt: number;
  readonly outKey: string;
  readonly inKey: string;
  /** The hub or instance to ring. May become known later. */
  reader: string;
  /** Bytes that may be sent before the reader grants more. */
  readonly credit: number;
  /** Called whenever something becomes ready to be sent: the outbox then calls `take` in its next batch. */
  readonly onPending: (stream: FrameStream) => void;
  /** The window has opened again. */
  readonly onWritable?: () => void;
  /** The entry to settle with the last frame. */
  readonly settle?: Settlement;
  /** The settlement is in a batch: Redis will get it, whatever happens to the connection. */
  readonly onSettled?: () => void;
  /** Redis has what was taken so far. */
  readonly onStored?: ((stored: { bytes: number; isSettled: boolean }) => void) | undefined;
}

/**
 * One side of an exchange: an outgoing byte stream with flow control, and the accounting of the incoming one. The same class
 * serves requests (hub → agent) and replies (agent → hub). Parts gather until the outbox takes them: the parts of two turns,
 * or of the time that one batch is on its way, become one frame.
 */
export class FrameStream {
  readonly id: string;
  readonly outKey: string;
  reader: string;
  #attempt: number;
  #inKey: string;
  readonly #options: FrameStreamOptions;
  #parts: FrameParts = {};
  /** Heads of interim replies. Each gets a frame of its own before the rest. */
  #interims: string[] | undefined;
  readonly #body = new JoinedChunks();
  #ended: 'no' | 'pending' | 'taken' = 'no';
  #isOwnerSaid = false;
  #isSettled = false;
  #isPending = false;
  #closed = false;
  #seq = 0;
  #storedSeq = 0;
  #credit: number;
  /** Body bytes that the outbox has taken. */
  #sent = 0;
  /** Bytes of the incoming stream that were consumed and not yet granted back; last incoming frame. */
  #consumed = 0;
  #lastRead = 0;

  constructor(options: FrameStreamOptions) {
    this.#options = options;
    this.id = options.id;
    this.#attempt = options.attempt;
    this.outKey = options.outKey;
    this.#inKey = options.inKey;
    this.reader = options.reader;
    this.#credit = options.credit;
  }

  /** True while the window is open. A writer that ignores it uses memory. */
  get writable(): boolean {
    return this.#credit > 0;
  }

  /** True once a frame was taken: then the stream's key exists. */
  get used(): boolean {
    return this.#seq > 0;
  }

  get ended(): boolean {
    return this.#ended !== 'no';
  }

  /** Begins an attempt's reply: its sender, said once, and, if there is one, the head of the reply. */
  start(parts: { owner: string; head?: string; credit?: number }): void {
    this.#sayOwner(parts.owner);
    if (parts.head !== undefined) this.#parts.head = parts.head;
    if (parts.credit) this.#parts.credit = (this.#parts.credit ?? 0) + parts.credit;
    this.#pending();
  }

  /** Head of an interim reply: sent before all other pending parts. `owner` as in `start`. */
  interim(owner: string, head: string): void {
    if (this.#closed || this.ended) return;
    this.#sayOwner(owner);
    (this.#interims ??= []).push(head);
    this.#pending();
  }

  #sayOwner(owner: string): void {
    if (this.#isOwnerSaid) return;
    this.#isOwnerSaid = true;
    this.#parts.owner = owner;
  }

  /** Queues body bytes. Returns whether the window is still open. */
  write(chunk: Buffer): boolean {
    if (this.#closed || this.ended) return true;
    if (chunk.length === 0) return this.#credit > 0;
    this.#body.add(chunk);
    this.#credit -= chunk.length;
    this.#pending();
    return this.#credit > 0;
  }

  /** The stream is complete. `trailers` as name\nvalue… */
  end(trailers = ''): void {
    if (this.#closed || this.ended) return;
    this.#parts.end = trailers;
    this.#ended = 'pending';
    this.#pending();
  }

  /** The exchange has failed with a code of the error table; `detail` is for the log, not for the client. */
  fail(code: string, detail: string): void {
    if (this.#closed || this.ended) return;
    this.#parts.failed = `${code}\n${loggable(detail)}`;
    this.#ended = 'pending';
    this.#pending();
  }

  /** Sends nothing more, unless the last frame is on its way. A pending settlement is still made. */
  close(): void {
    if (this.#closed || this.ended) return;
    this.#drop();
    if (this.#options.settle) {
      this.#ended = 'pending';
      this.#pending();
    }
  }

  /**
   * Redis takes no more frames, because nobody awaits them. A pending settlement is made, even if parts were still to be sent.
   */
  refused(): void {
    if (this.#ended === 'taken') return;
    this.#ended = 'no';
    this.#closed = false;
    this.close();
  }

  /** Sends and settles nothing more: another instance has the entry now. */
  abandon(): void {
    this.#drop();
    this.#ended = 'taken';
  }

  /** The reader has consumed so many bytes more. No grant can make the window larger than WINDOW_BYTES. */
  credited(bytes: number): void {
    const wasWritable = this.#credit > 0;
    this.#credit = Math.min(WINDOW_BYTES, this.#credit + bytes);
    if (!wasWritable && this.#credit > 0 && !this.#closed) this.#options.onWritable?.();
  }

  /**
   * The reader of the incoming stream has consumed so many bytes, and read it up to `lastSeq`: grants them back, in steps of a
   * quarter window, and trims the stream in Redis.
   */
  consume(bytes: number, lastSeq: number): void {
    this.#consumed += bytes;
    this.#lastRead = lastSeq;
    if (this.#consumed < WINDOW_BYTES / 4 || this.#closed) return;
    this.#parts.credit = (this.#parts.credit ?? 0) + this.#consumed;
    this.#consumed = 0;
    this.#pending();
  }

  /**
   * Somebody else is at the other end from now on: says how far both bodies are. What was granted and not sent is in `upTo`, and
   * the incoming stream is another one.
   */
  resume(
    { attempt, inKey, reader }: Pick<FrameStreamOptions, 'attempt' | 'inKey' | 'reader'>,
    point: Omit<ResumePoint, 'sent' | 'asked'>,
  ): void {
    if (this.#closed) return;
    this.#attempt = attempt;
    this.#inKey = inKey;
    this.reader = reader;
    this.#consumed = 0;
    this.#lastRead = 0;
    this.#parts.credit = undefined;
    const asked = this.#sent + this.#body.bytes + this.#credit;
    this.#parts.head = encodeResumePoint({ ...point, sent: this.#sent, asked });
    this.#pending();
  }

  /** True once the stream has begun, while all of its frames have arrived. */
  get isStored(): boolean {
    return this.#seq > 0 && this.#storedSeq === this.#seq;
  }

  /** Encodes the pending parts as one frame. For the outbox only. */
  take(): Outgoing<FrameStream> {
    this.#isPending = false;
    if (this.#closed) return this.#settleOnly();
    if (this.#interims) return this.#takeInterim(this.#interims);
    const parts = this.#parts;
    const closing = this.#ended === 'pending';
    const trimTo = parts.credit && this.#lastRead > 0 ? this.#lastRead + 1 : 0;
    this.#parts = {};
    if (this.#body.bytes > 0) parts.body = this.#body.take(MAX_BODY_BYTES);
    const more = this.#body.bytes > 0;
    if (more && parts.end !== undefined) {
      this.#parts.end = parts.end;
      parts.end = undefined;
    }
    if (closing && !more) this.#ended = 'taken';
    if (more) this.#pending();
    const settle = this.#ended === 'taken' && closing ? this.#settlement() : undefined;
    return this.#outgoing(parts, trimTo, settle);
  }

  #takeInterim(interims: string[]): Outgoing<FrameStream> {
    const { owner } = this.#parts;
    this.#parts.owner = undefined;
    const frame = this.#outgoing({ owner, head: interims.shift() }, 0, undefined);
    if (interims.length === 0) this.#interims = undefined;
    const { head, credit } = this.#parts;
    // A frame without parts would be a notice.
    const isEmpty = head === undefined && !credit && this.#body.bytes === 0 && this.#ended !== 'pending';
    if (this.#interims || !isEmpty) this.#pending();
    return frame;
  }

  #outgoing(parts: FrameParts, trimTo: number, settle: Settlement | undefined): Outgoing<FrameStream> {
    const seq = ++this.#seq;
    const bodyBytes = bytesOf(parts.body);
    this.#sent += bodyBytes;
    const isBulk = bodyBytes + (parts.head?.length ?? 0) > BULK_BYTES;
    const notice = isBulk ? encodeFrame(this.id, this.#attempt, seq, {}) : '';
    const frame = encodeFrame(this.id, this.#attempt, seq, parts, !isBulk);
    const bulk = (isBulk && parts.body) || [];
    return { stream: this, frame, bulk, notice, seq, trimTo, trimKey: this.#inKey, settle };
  }

  /** Redis has all that was taken. For the outbox only, which has one batch under way at a time. */
  stored(): void {
    this.#storedSeq = this.#seq;
    this.#options.onStored?.({ bytes: this.#sent, isSettled: this.#isSettled });
  }

  #settleOnly(): Outgoing<FrameStream> {
    const settle = this.#ended === 'pending' ? this.#settlement() : undefined;
    this.#ended = 'taken';
    const trimKey = this.#inKey;
    return { stream: this, frame: undefined, bulk: [], notice: '', seq: 0, trimTo: 0, trimKey, settle };
  }

  #settlement(): Settlement | undefined {
    this.#isSettled = true;
    this.#options.onSettled?.();
    return this.#options.settle;
  }

  #drop(): void {
    this.#closed = true;
    this.#body.clear();
    this.#parts = {};
    this.#interims = undefined;
  }

  /** The approximate size of the next frame. */
  get nextBytes(): number {
    return Math.min(this.#body.bytes, MAX_BODY_BYTES);
  }

  #pending(): void {
    if (this.#isPending) return;
    this.#isPending = true;
    this.#options.onPending(this);
  }
}

import { ChunkedBody } from './chunked-body.ts';
import { fieldValue } from './forward-reply.ts';
import { HEAD_BYTES, InvalidReplyError, parseFields, type Fields } from './reply-fields.ts';
import { framingOf, isPersistent, keepAliveMs } from './reply-framing.ts';

/** The events of one reply, in this order. Text is latin1: one character, one byte. */
export interface ReplySink {
  /** 1xx, but neither 100 nor 101; any number of them. */
  onInterim(status: number, reason: string, fields: Fields): void;
  onHead(status: number, reason: string, fields: Fields): void;
  /** Body bytes without their framing: a view that is valid during this call only. */
  onBody(bytes: Buffer): void;
  onEnd(trailers: Fields): void;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const [CR, LF] = [0x0d, 0x0a];
const TOO_LONG = `a head of more than ${HEAD_BYTES} bytes`;
const BEGINNING = 'HTTP/1.';
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([^\r\n\0]*))?$/;

/** The part of a reply that comes next: its head, or a body of a known length, in chunks, or to the end of the connection. */
type Part = 'head' | 'counted' | 'chunked' | 'rest';

/**
 * Parses the replies of one HTTP/1 connection, RFC 9112, however the bytes are cut. It is strict: when the end of a reply
 * could be read in two ways, `take` and `close` throw InvalidReplyError, and the connection cannot be used any more. After a
 * 101 that the request asked for, all further bytes are the body.
 */
export class ReplyParser {
  #sink: ReplySink | undefined;
  #isHeadRequest = false;
  #maySwitch = false;
  #head: Buffer | undefined;
  #part: Part = 'head';
  #left = 0;
  #chunks = new ChunkedBody();
  #persistent = true;
  /** How long the upstream announces to keep an idle connection, ms. */
  keepAliveMs: number | undefined;

  /** True when the connection can take another request: the last reply is complete and did not announce the end. */
  get reusable(): boolean {
    return this.#persistent && this.#sink === undefined;
  }

  /** How many chunks the last call of `take` has begun: each costs time, however few bytes it has. */
  get chunksTaken(): number {
    return this.#part === 'chunked' ? this.#chunks.begun : 0;
  }

  /** The next reply goes to this sink. `method`: that of its request. `maySwitch`: the request asked for another protocol. */
  expect(method: string, sink: ReplySink, maySwitch = false): void {
    this.#isHeadRequest = method === 'HEAD';
    this.#maySwitch = maySwitch;
    this.#sink = sink;
  }

  take(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      const sink = this.#sink;
      if (!sink) {
        this.#persistent = false;
        throw new InvalidReplyError('bytes that belong to no request');
      }
      if (this.#part === 'head') at = this.#takeHead(bytes, at, sink);
      else if (this.#part === 'counted') at = this.#takeCounted(bytes, at, sink);
      else if (this.#part === 'chunked') {
        at = this.#chunks.take(bytes, at, sink);
        if (this.#chunks.trailers) this.#end(sink, this.#chunks.trailers);
      } else {
        sink.onBody(bytes.subarray(at));
        return;
      }
    }
  }

  /** The upstream has closed its side. Completes a reply whose end is the end of the connection. */
  close(): void {
    this.#persistent = false;
    const sink = this.#sink;
    if (!sink) return;
    if (this.#part !== 'rest')
      throw new InvalidReplyError('the connection was closed before the end of the reply');
    this.#end(sink, []);
  }

  #takeCounted(bytes: Buffer, at: number, sink: ReplySink): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    sink.onBody(bytes.subarray(at, end));
    if (this.#left === 0) this.#end(sink, []);
    return end;
  }

  #takeHead(bytes: Buffer, from: number, sink: ReplySink): number {
    const before = this.#head?.length ?? 0;
    const head = this.#head ? Buffer.concat([this.#head, bytes.subarray(from)]) : bytes.subarray(from);
    const end = head.indexOf(HEAD_END, Math.max(0, before - 3));
    if (end < 0) {
      refuseEarly(head, before);
      // A copy: the caller may reuse its buffer.
      this.#head = Buffer.from(head);
      return bytes.length;
    }
    if (end > HEAD_BYTES) throw new InvalidReplyError(TOO_LONG);
    this.#head = undefined;
    this.#onHead(head.toString('latin1', 0, end), sink);
    return from + end + HEAD_END.length - before;
  }

  #onHead(text: string, sink: ReplySink): void {
    const lineEnd = text.indexOf('\r\n');
    const line = STATUS_LINE.exec(lineEnd < 0 ? text : text.slice(0, lineEnd));
    if (!line) throw new InvalidReplyError('no status line of HTTP/1');
    const [, minor, code, reason = ''] = line;
    const status = Number(code);
    const fields = lineEnd < 0 ? [] : parseFields(text.slice(lineEnd + 2));
    if (status === 101) return this.#onSwitch(reason, fields, sink);
    // The agent never asks for 100: the hub answers Expect.
    if (status === 100) return;
    if (status < 200) return sink.onInterim(status, reason, fields);
    const framing = framingOf(status, fields, minor === '1', this.#isHeadRequest);
    this.#persistent = framing !== 'rest' && isPersistent(fields, minor === '1');
    this.keepAliveMs = keepAliveMs(fields);
    if (framing === 'chunked') this.#chunks = new ChunkedBody();
    this.#left = typeof framing === 'number' ? framing : 0;
    this.#part = typeof framing === 'number' ? 'counted' : framing;
    sink.onHead(status, reason, fields);
    if (framing === 0) this.#end(sink, []);
  }

  #onSwitch(reason: string, fields: Fields, sink: ReplySink): void {
    if (!this.#maySwitch) throw new InvalidReplyError('101 to a request that did not ask for it');
    // RFC 9110 §15.2.2.
    if (fieldValue(fields, 'upgrade') === undefined) throw new InvalidReplyError('101 without Upgrade');
    this.#persistent = false;
    this.#part = 'rest';
    sink.onHead(101, reason, fields);
  }

  #end(sink: ReplySink, trailers: Fields): void {
    this.#sink = undefined;
    this.#part = 'head';
    sink.onEnd(trailers);
  }
}

/** Bytes that are no head, or too long for one, might never end. `from`: the length that was checked before. */
function refuseEarly(head: Buffer, from: number): void {
  const first = head.toString('latin1', 0, BEGINNING.length);
  if (!BEGINNING.startsWith(first)) throw new InvalidReplyError('no status line of HTTP/1');
  for (let at = head.indexOf(LF, from); at >= 0; at = head.indexOf(LF, at + 1)) {
    if (head[at - 1] !== CR) throw new InvalidReplyError('a line that ends without CR');
  }
  // The last bytes may belong to the end of the head.
  if (head.length > HEAD_BYTES + HEAD_END.length - 1) throw new InvalidReplyError(TOO_LONG);
}

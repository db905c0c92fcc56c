import { HEAD_BYTES, InvalidReplyError, parseFields, type Fields } from './reply-fields.ts';
import { PieceJoiner, type PieceSink } from './piece-joiner.ts';

const [LF, CR, TAB, SPACE, SEMICOLON] = [0x0a, 0x0d, 0x09, 0x20, 0x3b];
/** The most digits of a chunk size, leading zeros included: larger sizes exceed what a number holds exactly. */
const MOST_DIGITS = 12;
const NO_CR = 'a line that ends without CR';

const HEX = new Int8Array(256).fill(-1);
for (const digit of '0123456789abcdefABCDEF') HEX[digit.charCodeAt(0)] = Number.parseInt(digit, 16);

/** The meaning of the next byte. */
type State = 'size' | 'blank' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailers';

const joiner = new PieceJoiner();

/**
 * Decodes a chunked body, RFC 9112 §7.1, however its bytes are cut. It works byte by byte and allocates nothing for a chunk:
 * one read can contain 11,000 chunks of one byte.
 */
export class ChunkedBody {
  #state: State = 'size';
  /** Bytes of the current chunk that are still to come. */
  #left = 0;
  #digits = 0;
  #extensionBytes = 0;
  #line = '';
  #trailers = '';
  /** Set once the body is complete. */
  trailers: Fields | undefined;
  /** Chunks that the last call of `take` has begun. */
  begun = 0;

  /** Takes bytes from `from` on. Returns the position after the body, or the end of the bytes. Throws InvalidReplyError. */
  take(bytes: Buffer, from: number, sink: PieceSink): number {
    this.begun = 0;
    joiner.start(bytes, sink);
    try {
      return this.#take(bytes, from);
    } finally {
      // Bytes before the fault are still delivered.
      joiner.finish();
    }
  }

  #take(bytes: Buffer, from: number): number {
    let at = from;
    while (at < bytes.length) {
      if (this.#state === 'data') {
        const end = Math.min(bytes.length, at + this.#left);
        this.#left -= end - at;
        joiner.add(at, end);
        if (this.#left === 0) this.#state = 'data-cr';
        at = end;
      } else if (this.#state === 'trailers') {
        at = this.#takeTrailers(bytes, at);
        if (this.trailers) return at;
      } else {
        const next = this.#state === 'size' ? this.#takeWhole(bytes, at) : at;
        if (next === at) this.#takeByte(bytes[at] ?? 0);
        at = next === at ? at + 1 : next;
      }
    }
    return at;
  }

  /**
   * A fast path for chunks that are complete in this read, as nearly all are: it does not look at the state of each byte.
   * Stops in front of anything unusual.
   */
  #takeWhole(bytes: Buffer, from: number): number {
    if (this.#digits > 0) return from;
    const { length } = bytes;
    let begun = 0;
    let at = from;
    for (;;) {
      let size = 0;
      let i = at;
      for (; i < length && i - at < MOST_DIGITS; i++) {
        const digit = HEX[bytes[i] as number] as number;
        if (digit < 0) break;
        size = size * 16 + digit;
      }
      const end = i + 2 + size;
      if (size === 0 || end + 2 > length || bytes[i] !== CR || bytes[i + 1] !== LF) break;
      if (bytes[end] !== CR || bytes[end + 1] !== LF) break;
      joiner.add(i + 2, end);
      begun += 1;
      at = end + 2;
    }
    this.begun += begun;
    return at;
  }

  #takeByte(byte: number): void {
    if (this.#state === 'size') return this.#takeSize(byte);
    if (this.#state === 'data-cr') {
      if (byte !== CR) throw new InvalidReplyError('a chunk that is longer than it says');
      this.#state = 'data-lf';
    } else if (this.#state === 'data-lf') {
      if (byte !== LF) throw new InvalidReplyError('a chunk that is longer than it says');
      this.#state = 'size';
    } else if (this.#state === 'size-lf') {
      if (byte !== LF) throw new InvalidReplyError('a CR within the line of a chunk');
      this.begun += 1;
      this.#state = this.#left === 0 ? 'trailers' : 'data';
      this.#digits = 0;
    } else this.#takeExtension(byte);
  }

  #takeSize(byte: number): void {
    const digit = HEX[byte] ?? -1;
    if (digit >= 0) {
      this.#digits += 1;
      if (this.#digits > MOST_DIGITS) throw new InvalidReplyError('a chunk without a size');
      this.#left = this.#left * 16 + digit;
      return;
    }
    if (this.#digits === 0) throw new InvalidReplyError('a chunk without a size');
    this.#extensionBytes = 0;
    this.#state = 'blank';
    this.#takeExtension(byte);
  }

  /** Extensions are skipped. Blanks may only stand in front of them. */
  #takeExtension(byte: number): void {
    if (byte === LF) throw new InvalidReplyError(NO_CR);
    this.#extensionBytes += 1;
    if (this.#extensionBytes > HEAD_BYTES) throw new InvalidReplyError('a line that does not end');
    if (byte === CR && (this.#state === 'extension' || this.#extensionBytes === 1)) this.#state = 'size-lf';
    else if (this.#state === 'extension') {
      if (byte === 0) throw new InvalidReplyError('a NUL within the line of a chunk');
    } else if (byte === SEMICOLON) this.#state = 'extension';
    else if (byte !== SPACE && byte !== TAB) throw new InvalidReplyError('a chunk without a size');
  }

  #takeTrailers(bytes: Buffer, from: number): number {
    const lf = bytes.indexOf(LF, from);
    const end = lf < 0 ? bytes.length : lf + 1;
    this.#line += bytes.toString('latin1', from, end);
    if (this.#line.length > HEAD_BYTES) throw new InvalidReplyError('a line that does not end');
    if (lf < 0) return end;
    if (!this.#line.endsWith('\r\n')) throw new InvalidReplyError(NO_CR);
    const line = this.#line.slice(0, -2);
    this.#line = '';
    if (line === '') this.trailers = parseFields(this.#trailers);
    else {
      this.#trailers += `${this.#trailers === '' ? '' : '\r\n'}${line}`;
      if (this.#trailers.length > HEAD_BYTES) throw new InvalidReplyError('trailers that do not end');
    }
    return end;
  }
}

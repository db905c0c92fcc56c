import { HEAD_BYTES, InvalidReplyError, parseFields, type Fields } from './reply-fields.ts';

const LF = 0x0a;
/** RFC 9112 §7.1; extensions are read over. */
const CHUNK_LINE = /^([0-9a-fA-F]{1,12})(?:[ \t]*;[^\r\n\0]*)?$/;

/** A body in chunks, RFC 9112 §7.1, however its bytes are cut. */
export class ChunkedBody {
  /** Bytes of this chunk that are still to come; -1 its CRLF, -2 the line of the next one, -3 trailers. */
  #left = -2;
  #line = '';
  #trailers = '';
  /** Once the body is complete. */
  trailers: Fields | undefined;

  /** Takes bytes from `from` on; returns where what follows the body begins, else the end. Throws InvalidReplyError. */
  take(bytes: Buffer, from: number, sink: { onBody(bytes: Buffer): void }): number {
    let at = from;
    while (at < bytes.length && !this.trailers) {
      if (this.#left > 0) {
        const end = Math.min(bytes.length, at + this.#left);
        this.#left -= end - at;
        if (this.#left === 0) this.#left = -1;
        sink.onBody(bytes.subarray(at, end));
        at = end;
        continue;
      }
      const lf = bytes.indexOf(LF, at);
      const end = lf < 0 ? bytes.length : lf + 1;
      this.#line += bytes.toString('latin1', at, end);
      if (this.#line.length > HEAD_BYTES) throw new InvalidReplyError('a line that does not end');
      at = end;
      if (lf >= 0) this.#takeLine();
    }
    return at;
  }

  #takeLine(): void {
    if (!this.#line.endsWith('\r\n')) throw new InvalidReplyError('a line that ends without CR');
    const line = this.#line.slice(0, -2);
    this.#line = '';
    if (this.#left === -1) {
      if (line !== '') throw new InvalidReplyError('a chunk that is longer than it says');
      this.#left = -2;
    } else if (this.#left === -2) {
      const size = CHUNK_LINE.exec(line)?.[1];
      if (size === undefined) throw new InvalidReplyError('a chunk without a size');
      this.#left = Number.parseInt(size, 16) || -3;
    } else this.#takeTrailer(line);
  }

  #takeTrailer(line: string): void {
    if (line !== '') {
      this.#trailers += `${this.#trailers === '' ? '' : '\r\n'}${line}`;
      if (this.#trailers.length > HEAD_BYTES) throw new InvalidReplyError('trailers that do not end');
      return;
    }
    this.trailers = parseFields(this.#trailers);
  }
}

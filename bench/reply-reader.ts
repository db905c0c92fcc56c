/**
 * Reads one HTTP/1.1 reply from raw socket data and only counts its body: no byte of it is copied, except
 * the first few hundred for error messages. RFC 9112 sections 6 and 7.1; no trailers, no 1xx.
 */
export interface Reply {
  readonly status: number;
  readonly bodyBytes: number;
  /** At most the first 256 bytes. */
  readonly bodyStart: string;
}

const keptBody = 256;
const headLimit = 64 * 1024;

export class ReplyReader {
  readonly #onEnd: (reply: Reply) => void;
  #state: 'head' | 'body' | 'chunk-size' | 'chunk' | 'ended' = 'head';
  #line = '';
  #status = 0;
  #left = 0;
  #bodyBytes = 0;
  #bodyStart = '';

  constructor(onEnd: (reply: Reply) => void) {
    this.#onEnd = onEnd;
  }

  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /** The caller may use the buffer again afterwards. */
  take(data: Buffer): void {
    let rest = data;
    while (rest.length > 0 && this.#state !== 'ended') {
      if (this.#state === 'head') rest = this.#takeHead(rest);
      else if (this.#state === 'chunk-size') rest = this.#takeChunkSize(rest);
      else rest = this.#takeBytes(rest);
    }
  }

  #end(): void {
    this.#state = 'ended';
    this.#onEnd({ status: this.#status, bodyBytes: this.#bodyBytes, bodyStart: this.#bodyStart });
  }

  #takeHead(data: Buffer): Buffer {
    const before = this.#line.length;
    this.#line += data.toString('latin1');
    const length = this.#line.indexOf('\r\n\r\n');
    if (length < 0) {
      if (this.#line.length > headLimit) throw new Error('endless head of a reply');
      return data.subarray(data.length);
    }
    this.#readHead(this.#line.slice(0, length));
    this.#line = '';
    return data.subarray(length + 4 - before);
  }

  #readHead(head: string): void {
    this.#status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
      this.#state = 'chunk-size';
    } else if (length === undefined) {
      throw new Error('a reply with neither Content-Length nor chunks');
    } else {
      this.#state = 'body';
      this.#left = Number(length);
      if (this.#left === 0) this.#end();
    }
  }

  #takeBytes(data: Buffer): Buffer {
    const count = Math.min(this.#left, data.length);
    const wanted = keptBody - this.#bodyStart.length;
    if (wanted > 0) this.#bodyStart += data.toString('latin1', 0, Math.min(count, wanted));
    this.#left -= count;
    this.#bodyBytes += count;
    if (this.#left === 0) {
      if (this.#state === 'body') this.#end();
      else this.#state = 'chunk-size';
    }
    return data.subarray(count);
  }

  /** The line with a chunk's size. The line break that ends the chunk before it reads as an empty one. */
  #takeChunkSize(data: Buffer): Buffer {
    const newline = data.indexOf(10);
    this.#line += data.toString('latin1', 0, newline < 0 ? data.length : newline);
    if (newline < 0) return data.subarray(data.length);
    const text = this.#line.trim();
    this.#line = '';
    if (text !== '') {
      this.#left = Number.parseInt(text, 16);
      if (Number.isNaN(this.#left)) throw new Error(`not the size of a chunk: ${text.slice(0, 40)}`);
      if (this.#left === 0) this.#end();
      else this.#state = 'chunk';
    }
    return data.subarray(newline + 1);
  }
}

import { randomFillSync } from 'node:crypto';
import type { Duplex } from 'node:stream';

/** Frames up to this size are copied together, so that a turn's small messages are one buffer; larger ones leave as they are. */
const SMALL_BYTES = 4 * 1024;

const BLOCK_BYTES = 16 * 1024;

/** FIN and the opcode of a binary message (RFC 6455 §5.2). */
const BINARY = 0x82;
const IS_MASKED = 0x80;
const MASK_BYTES = 4;

/** Masks must not be predictable (RFC 6455 §5.3). A call of the random source costs more than a frame: one serves many. */
const someMasks = Buffer.alloc(8 * 1024);
let masksUsed = someMasks.length;

/**
 * WebSocket frames of whole messages, gathered until they are flushed. `ws` does the rest of the protocol, but writes two buffers
 * for each message: a link with thousands of small ones spends more on that than on all else it does.
 */
export class OutgoingFrames {
  readonly #stream: Duplex;
  readonly #masks: boolean;
  #chunks: Buffer[] = [];
  #block = Buffer.alloc(0);
  /** The part of the block that is not among the chunks yet. */
  #start = 0;
  #end = 0;
  /** Bytes that were not flushed yet. */
  #bytes = 0;

  /** `masks`: a client does, a server does not. */
  constructor(stream: Duplex, { masks }: { masks: boolean }) {
    this.#stream = stream;
    this.#masks = masks;
  }

  /** Bytes that have not left this process. */
  get waitingBytes(): number {
    return this.#bytes + this.#stream.writableLength;
  }

  /** The message belongs to the frame from now on. */
  add(message: Buffer): void {
    const { length } = message;
    const headerBytes = (length < 126 ? 2 : length < 65_536 ? 4 : 10) + (this.#masks ? MASK_BYTES : 0);
    const isSmall = length <= SMALL_BYTES;
    const start = this.#reserve(headerBytes + (isSmall ? length : 0));
    const at = start + headerBytes;
    this.#writeHeader(start, length);
    if (isSmall) this.#end += message.copy(this.#block, at);
    if (this.#masks) {
      const [target, from] = isSmall ? [this.#block, at] : [message, 0];
      maskBytes(target, from, length, this.#block, at - MASK_BYTES);
    }
    if (!isSmall) {
      this.#seal();
      this.#chunks.push(message);
    }
    this.#bytes += headerBytes + length;
  }

  flush(): void {
    this.#seal();
    const chunks = this.#chunks;
    this.#bytes = 0;
    if (chunks.length === 0) return;
    this.#chunks = [];
    if (chunks.length > 1) this.#stream.cork();
    for (const chunk of chunks) this.#stream.write(chunk);
    if (chunks.length > 1) this.#stream.uncork();
  }

  /** Returns where the next `bytes` of the block begin; a header is part of them, so they are within `#end` afterwards. */
  #reserve(bytes: number): number {
    if (this.#end + bytes > this.#block.length) {
      this.#seal();
      this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      this.#start = 0;
      this.#end = 0;
    }
    return this.#end;
  }

  #writeHeader(start: number, length: number): void {
    const block = this.#block;
    const isMasked = this.#masks ? IS_MASKED : 0;
    block[start] = BINARY;
    let end = start + 2;
    if (length < 126) block[start + 1] = isMasked | length;
    else if (length < 65_536) {
      block[start + 1] = isMasked | 126;
      end = block.writeUInt16BE(length, end);
    } else {
      block[start + 1] = isMasked | 127;
      block.writeUInt32BE(0, end);
      end = block.writeUInt32BE(length, end + 4);
    }
    if (this.#masks) end = writeMask(block, end);
    this.#end = end;
  }

  #seal(): void {
    if (this.#end > this.#start) this.#chunks.push(this.#block.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}

function writeMask(target: Buffer, at: number): number {
  if (masksUsed === someMasks.length) {
    randomFillSync(someMasks);
    masksUsed = 0;
  }
  masksUsed += MASK_BYTES;
  return at + someMasks.copy(target, at, masksUsed - MASK_BYTES, masksUsed);
}

function maskBytes(target: Buffer, from: number, length: number, source: Buffer, at: number): void {
  for (let i = 0; i < length; i++)
    target[from + i] = (target[from + i] ?? 0) ^ (source[at + (i & (MASK_BYTES - 1))] ?? 0);
}

/** Smaller pieces are copied together; larger ones stay as they came from their socket. */
const SMALL_BYTES = 4 * 1024;

/** Sizes of the blocks into which small pieces are copied: as large as what is held already, within these bounds. */
const LEAST_BLOCK_BYTES = 1024;
const MOST_BLOCK_BYTES = 16 * 1024;

const NO_BLOCK = Buffer.alloc(0);

/**
 * Bytes in order of arrival. A Buffer costs some 200 bytes and keeps the memory from which it was cut alive, so a client that
 * sends a mebibyte byte by byte must not make a million of them. A single piece is not copied.
 */
export class JoinedChunks {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #block = NO_BLOCK;
  /** Start of the part of the block that is not among the chunks yet. */
  #start = 0;
  #end = 0;

  get bytes(): number {
    return this.#bytes;
  }

  add(chunk: Buffer): void {
    const { length } = chunk;
    if (this.#bytes === 0 || length >= SMALL_BYTES) {
      this.#seal();
      this.#chunks.push(chunk);
    } else {
      if (this.#end + length > this.#block.length) this.#newBlock(length);
      this.#end += chunk.copy(this.#block, this.#end);
    }
    this.#bytes += length;
  }

  /** Removes at most so many bytes from the front. A chunk is cut only when it is larger than that. */
  take(mostBytes: number): Buffer[] {
    this.#seal();
    this.#block = NO_BLOCK;
    const chunks = this.#chunks;
    if (this.#bytes <= mostBytes) {
      this.clear();
      return chunks;
    }
    let bytes = 0;
    let count = 0;
    for (const { length } of chunks) {
      if (bytes + length > mostBytes) break;
      bytes += length;
      count += 1;
    }
    const [first] = chunks;
    if (count === 0 && first) {
      chunks.splice(0, 1, first.subarray(0, mostBytes), first.subarray(mostBytes));
      bytes = mostBytes;
      count = 1;
    }
    this.#bytes -= bytes;
    return chunks.splice(0, count);
  }

  clear(): void {
    this.#chunks = [];
    this.#bytes = 0;
    this.#block = NO_BLOCK;
    this.#start = 0;
    this.#end = 0;
  }

  #newBlock(leastBytes: number): void {
    this.#seal();
    const bytes = Math.max(leastBytes, LEAST_BLOCK_BYTES, Math.min(this.#bytes, MOST_BLOCK_BYTES));
    this.#block = Buffer.allocUnsafe(bytes);
    this.#start = 0;
    this.#end = 0;
  }

  #seal(): void {
    if (this.#end > this.#start) this.#chunks.push(this.#block.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}

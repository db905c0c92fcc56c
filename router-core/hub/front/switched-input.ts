import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { SMALL_BYTES, SmallPieces } from './small-pieces.ts';

/** Bytes that are read ahead, so that the end of the client is seen while it waits for its answer. */
const AHEAD_BYTES = 64 * 1024;

/** The bytes that a client sends behind a request to switch protocols. Small pieces that nobody takes yet are joined. */
export class SwitchedInput extends Readable {
  readonly #socket: Socket;
  #pieces: SmallPieces | undefined;

  /** `head` holds the bytes that came together with the request. */
  constructor(socket: Socket, head: Buffer) {
    super({ highWaterMark: AHEAD_BYTES });
    this.#socket = socket;
    if (head.length > 0) this.push(head);
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('end', () => {
      this.#flush();
      this.push(null);
    });
    socket.on('close', () => this.destroy());
    this.on('resume', () => this.#flush());
  }

  override _read(): void {
    this.#socket.resume();
  }

  #take(bytes: Buffer): void {
    const isJoined = bytes.length < SMALL_BYTES && this.readableFlowing !== true;
    if (isJoined && (this.#pieces ??= new SmallPieces()).add(bytes)) return;
    this.#flush();
    if (!this.push(bytes)) this.#socket.pause();
  }

  #flush(): void {
    if (this.#pieces && !this.#pieces.isEmpty) this.push(this.#pieces.take());
  }
}

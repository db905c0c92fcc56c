import type { ReplyStream } from '../../exchange/agent-link.ts';
import { JoinedChunks } from '../../exchange/joined-chunks.ts';
import { PIECE_BYTES } from '../wire/link-message.ts';

/**
 * A reply's body between a link and the store. Each has a window of its own: what the store has no room for stays here, because a
 * reply that goes on beyond the store's window is refused by the hub that reads it.
 */
export class HeldReply {
  readonly #reply: ReplyStream;
  /** Most replies never wait. */
  #held: JoinedChunks | undefined;
  #isOpen = true;
  #finish: (() => void) | undefined;

  constructor(reply: ReplyStream) {
    this.#reply = reply;
  }

  write(body: Buffer): void {
    if (this.#isOpen && !this.#held && body.length <= PIECE_BYTES) {
      this.#isOpen = this.#reply.write(body);
      return;
    }
    this.#held ??= new JoinedChunks();
    this.#held.add(body);
    this.#pass();
  }

  /** Called once all that was written has passed. */
  finish(then: () => void): void {
    this.#finish = then;
    this.#pass();
  }

  /** The store has room again. */
  onWritable(): void {
    this.#isOpen = true;
    this.#pass();
  }

  /** Nobody awaits what is held. */
  clear(): void {
    this.#held?.clear();
    this.#finish = undefined;
  }

  #pass(): void {
    const held = this.#held;
    while (held && this.#isOpen && held.bytes > 0) {
      for (const piece of held.take(PIECE_BYTES)) this.#isOpen = this.#reply.write(piece);
    }
    if (held && held.bytes > 0) return;
    const finish = this.#finish;
    this.#finish = undefined;
    finish?.();
  }
}

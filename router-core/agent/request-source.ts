import { Readable } from 'node:stream';
import { WINDOW_BYTES } from '../exchange/frame-stream.ts';
import type { Exchange, PulledRequest } from '../exchange/agent-link.ts';

/**
 * The body of a request whose rest is still at the hub. The rest is asked for when the upstream begins to read, that is
 * once it is connected: until then nothing has left the hub, and the request can still go to somebody else.
 */
export class RequestSource extends Readable {
  readonly #exchange: Exchange;
  readonly #instance: string;
  #asked = false;
  /** Bytes pushed and not yet taken by the upstream. */
  #held = 0;

  constructor(request: PulledRequest, exchange: Exchange, instance: string) {
    super({ highWaterMark: 64 * 1024 });
    this.#exchange = exchange;
    this.#instance = instance;
    // The HTTP client destroys a body with the error of its call, which is reported there.
    this.on('error', () => undefined);
    if (request.body) this.push(request.body);
  }

  /** Bytes from the hub. */
  receive(chunk: Buffer): void {
    this.#held += chunk.length;
    // What the stream has room for counts as consumed now, the rest when the upstream reads on.
    if (this.push(chunk)) this.#grant();
  }

  /** The hub has sent all. */
  complete(): void {
    this.push(null);
  }

  override _read(): void {
    if (!this.#asked) {
      this.#asked = true;
      this.#exchange.reply.start({ owner: this.#instance, credit: WINDOW_BYTES });
    }
    this.#grant();
  }

  #grant(): void {
    if (this.#held === 0) return;
    this.#exchange.reply.consume(this.#held, this.#exchange.reader.lastSeq);
    this.#held = 0;
  }
}

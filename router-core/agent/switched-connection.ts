import type { Duplex } from 'node:stream';
import { WINDOW_BYTES } from '../exchange/frame-stream.ts';
import type { Exchange } from '../exchange/agent-link.ts';

/** After a 101: the upstream's connection, joined to the two frame streams of the exchange. */
export class SwitchedConnection {
  readonly #socket: Duplex;
  readonly #exchange: Exchange;

  constructor(socket: Duplex, exchange: Exchange, instance: string) {
    this.#socket = socket;
    this.#exchange = exchange;
    const { reply } = exchange;
    // The client's bytes may come now.
    reply.start({ owner: instance, credit: WINDOW_BYTES });
    socket.on('data', (chunk: Buffer) => {
      if (!reply.write(chunk)) socket.pause();
    });
    socket.on('end', () => reply.end());
    socket.on('error', (error) => reply.fail('upstream-failed', error.message));
    socket.on('close', () => reply.end());
  }

  receive(chunk: Buffer): void {
    this.#socket.write(chunk, (error) => {
      if (!error) this.#exchange.reply.consume(chunk.length, this.#exchange.reader.lastSeq);
    });
  }

  end(): void {
    this.#socket.end();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

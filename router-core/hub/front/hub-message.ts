import { IncomingMessage } from 'node:http';
import { connectionOf } from './client-connection.ts';
import { SMALL_BYTES, SmallPieces } from './small-pieces.ts';

/** So many small pieces of a body go on as they come: who sends few of them pays for no joining. */
const UNJOINED = 32;

/** More pieces than this in one read are expensive. */
const EXPENSIVE = 512;

/**
 * A request that decides itself whether its Upgrade counts. Node asks `upgrade` to know whether to take the connection out
 * of HTTP; a request of HTTP/1.0, one with a body, or one that offers h2c (which the router does not speak), stays an ordinary
 * request, as RFC 9110 §7.8 allows and wants.
 *
 * Small pieces of its body are joined before they are objects of a stream.
 */
export class HubMessage extends IncomingMessage {
  #asked = false;
  #smallOnes = 0;
  #pieces: SmallPieces | undefined;

  get upgrade(): boolean {
    if (!this.#asked || this.method === 'CONNECT') return this.#asked;
    const { upgrade = '' } = this.headers;
    return upgrade !== '' && this.httpVersion === '1.1' && !hasBody(this) && !/^h2c?$/i.test(upgrade);
  }

  set upgrade(asked: boolean | null) {
    // Called from the constructor of IncomingMessage, before there are private fields.
    if (asked !== null) this.#asked = asked;
  }

  /**
   * Whether it asks for an upgrade that does not count. Node's parser stops behind such a request all the same, and drops what has
   * come with it: where the next request begins, nobody knows.
   */
  get hidesNext(): boolean {
    return this.#asked && !this.upgrade;
  }

  /** Called by Node's parser for each piece of the body, and with null at its end. */
  override push(piece: Buffer | null): boolean {
    if (piece !== null && piece.length < SMALL_BYTES && this.#smallOnes++ >= UNJOINED)
      return this.#join(piece);
    if (this.#pieces) this.#flush();
    return super.push(piece);
  }

  #join(piece: Buffer): boolean {
    const pieces = (this.#pieces ??= new SmallPieces());
    // The parser's calls are turns of their own: only an immediate comes when all that was read is parsed.
    if (pieces.isEmpty) setImmediate(flushLater, this);
    if (!pieces.add(piece)) {
      this.#flush();
      pieces.add(piece);
    }
    // At once, or libuv goes on with up to 32 reads.
    if (pieces.count === EXPENSIVE) connectionOf(this.socket)?.yield();
    return true;
  }

  /** Hands on what has been joined. `flushLater` comes when what was read is parsed. */
  #flush(): void {
    const pieces = this.#pieces;
    if (!pieces || pieces.isEmpty) return;
    // As Node's parser does with what it pushes itself.
    if (!super.push(pieces.take())) this.socket.pause();
  }

  static flush(message: HubMessage): void {
    message.#flush();
  }
}

const flushLater = (message: HubMessage) => HubMessage.flush(message);

/** Whether a request announces a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

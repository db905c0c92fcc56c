import { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { checkRequest, type CheckedRequest } from '../../http/check-request.ts';
import { connectionOf } from './client-connection.ts';
import type { ClientRequest, ProtocolSwitch } from './client-request.ts';
import { SMALL_BYTES, SmallPieces } from './small-pieces.ts';

/** This many small pieces of a body go on as they come: a client that sends few of them pays for no joining. */
const UNJOINED = 32;

/** More pieces than this in one read are expensive. */
const EXPENSIVE = 512;

/**
 * A request of HTTP/1.1 or 1.0. Node makes it, so that a request costs the hub no object of its own.
 *
 * It decides itself if its Upgrade counts. Node reads `upgrade` to know if the connection leaves HTTP; a request of HTTP/1.0, one
 * with a body, or one that offers h2c (which the router does not speak), stays an ordinary request, as RFC 9110 §7.8 allows and wants.
 *
 * Small pieces of its body are joined before they are objects of a stream.
 */
export class Http1Request extends IncomingMessage implements ClientRequest {
  declare method: string;
  declare url: string;
  #upgradeAsked = false;
  #smallOnes = 0;
  #pieces: SmallPieces | undefined;
  #sendContinue: (() => void) | undefined;
  #protocolSwitch: ProtocolSwitch | undefined;

  get target(): string {
    return this.url;
  }

  get scheme(): 'http' | 'https' {
    return (this.socket as TLSSocket).encrypted ? 'https' : 'http';
  }

  get peer(): string {
    const address = this.socket.remoteAddress ?? 'unknown';
    return address.startsWith('::ffff:') ? address.slice(7) : address;
  }

  get body(): Readable {
    return this;
  }

  get awaitsBody(): boolean {
    return !this.complete && !this.isPaused() && !connectionOf(this.socket)?.isHeld;
  }

  get protocolSwitch(): ProtocolSwitch | undefined {
    return this.#protocolSwitch;
  }

  check(): CheckedRequest {
    return checkRequest(this);
  }

  field(name: string): string | undefined {
    const value = this.headers[name];
    return typeof value === 'string' ? value : value?.join(', ');
  }

  askForBody(): void {
    this.#sendContinue?.();
    this.#sendContinue = undefined;
  }

  /** The client waits for 100 Continue. */
  waitsFor(sendContinue: () => void): void {
    this.#sendContinue = sendContinue;
  }

  /** The connection has left HTTP: `input` is what follows on it. */
  switchesWith(input: Readable): void {
    this.#protocolSwitch = { protocol: this.headers.upgrade ?? '', input };
  }

  get upgrade(): boolean {
    if (!this.#upgradeAsked || this.method === 'CONNECT') return this.#upgradeAsked;
    const { upgrade = '' } = this.headers;
    return upgrade !== '' && this.httpVersion === '1.1' && !this.hasBody && !/^h2c?$/i.test(upgrade);
  }

  set upgrade(asked: boolean | null) {
    // Called from the constructor of IncomingMessage, before there are private fields.
    if (asked !== null) this.#upgradeAsked = asked;
  }

  /**
   * The request asks for an upgrade that does not count. Node's parser stops behind such a request all the same, and drops what has
   * come with it: nobody knows where the next request begins, so the reply ends the connection.
   */
  get hidesNext(): boolean {
    return this.#upgradeAsked && !this.upgrade;
  }

  /** The request announces a body. */
  get hasBody(): boolean {
    const { headers } = this;
    return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
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

  static flush(request: Http1Request): void {
    request.#flush();
  }
}

const flushLater = (request: Http1Request) => Http1Request.flush(request);

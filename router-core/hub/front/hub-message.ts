import { IncomingMessage } from 'node:http';

/**
 * A request that decides itself whether its Upgrade counts. Node asks `upgrade` to know whether to take the connection out
 * of HTTP; a request with a body, or one that offers h2c (which the router does not speak), stays an ordinary request,
 * as RFC 9110 §7.8 allows.
 */
export class HubMessage extends IncomingMessage {
  #asked = false;

  get upgrade(): boolean {
    if (!this.#asked || this.method === 'CONNECT') return this.#asked;
    const { upgrade = '' } = this.headers;
    return upgrade !== '' && !hasBody(this) && !/^h2c?$/i.test(upgrade);
  }

  set upgrade(asked: boolean | null) {
    // Called from the constructor of IncomingMessage, before there are private fields.
    if (asked !== null) this.#asked = asked;
  }
}

/** Whether a request announces a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

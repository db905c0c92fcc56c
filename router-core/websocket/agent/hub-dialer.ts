import { request as httpRequest, type Agent, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { getProxyForUrl } from 'proxy-from-env';
import { WebSocket } from 'ws';
import { LINK_PROTOCOL, MAX_MESSAGE_BYTES } from '../wire/link-message.ts';
import { identityUrl, linkUrl } from './hub-address.ts';
import { refusalOf } from './hub-refusal.ts';

export interface HubDialerOptions {
  readonly token: string;
  /** Certificates that hubs are checked against, PEM, instead of those of this machine. */
  readonly ca: string | undefined;
}

export interface DialOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** A WebSocket to a hub, and the socket under it. */
export interface DialledHub {
  readonly ws: WebSocket;
  readonly stream: Duplex;
}

/** Reaches hubs by HTTP(S), through the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name. */
export class HubDialer {
  readonly #headers: Record<string, string>;
  readonly #ca: string | undefined;

  constructor({ token, ca }: HubDialerOptions) {
    this.#headers = { authorization: `Bearer ${token}` };
    this.#ca = ca;
  }

  /** Rejects with a HubRefusal, or with an error of the connection. */
  dial(hub: string, { timeoutMs, signal }: DialOptions): Promise<DialledHub> {
    return new Promise((resolve, reject) => {
      const ws = new WebSocket(linkUrl(hub), [LINK_PROTOCOL], {
        headers: this.#headers,
        perMessageDeflate: false,
        maxPayload: MAX_MESSAGE_BYTES,
        handshakeTimeout: timeoutMs,
        ...this.#connection(hub),
      });
      const abort = () => ws.terminate();
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
      let stream: Duplex | undefined;
      ws.on('upgrade', ({ socket }) => (stream = socket));
      ws.on('unexpected-response', (_request, reply) => {
        void refusalOf(hub, reply).then(reject, reject).finally(abort);
      });
      ws.on('error', reject);
      ws.on('open', () => {
        signal.removeEventListener('abort', abort);
        if (stream) resolve({ ws, stream });
      });
      ws.on('close', () => {
        signal.removeEventListener('abort', abort);
        reject(new Error(`${hub} has closed the connection`));
      });
    });
  }

  /** The identity that a hub has for the token. Rejects as `dial` does. */
  async ask(hub: string, { timeoutMs, signal }: DialOptions): Promise<IncomingMessage> {
    const url = identityUrl(hub);
    const send = url.startsWith('https:') ? httpsRequest : httpRequest;
    const both = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const reply = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = { headers: this.#headers, agent: false as const, signal: both };
      send(url, { ...options, ...this.#connection(hub) }, resolve)
        .on('error', reject)
        .end();
    });
    if (reply.statusCode !== 200) throw await refusalOf(hub, reply);
    return reply;
  }

  #connection(hub: string): { agent?: Agent; ca?: string } {
    const proxy = getProxyForUrl(hub);
    return {
      ...(proxy !== '' && { agent: new HttpsProxyAgent(proxy) }),
      ...(this.#ca !== undefined && { ca: this.#ca }),
    };
  }
}

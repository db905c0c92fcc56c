import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { TLS_OPTIONS, type Certificate } from './certificate.ts';
import type { CertificateStore } from './certificate-store.ts';
import { HEAD_TIMEOUT_MS } from './http1-server.ts';
import type { Destinations } from './sort-connection.ts';

export interface TlsOptions {
  readonly certificates: CertificateStore;
  /** 48 bytes with which session tickets are sealed: a client may come back to another worker. */
  readonly ticketKeys: Buffer;
  /** The protocols that clients may choose by ALPN (RFC 7301), those that are preferred first. */
  readonly protocols: readonly ('h2' | 'http/1.1')[];
}

/** Ends TLS on connections, and hands them on by the protocol that their client has chosen. A client that names none speaks HTTP/1.1. */
export function createTlsServer(
  { certificates, ticketKeys, protocols }: TlsOptions,
  to: Destinations,
): Server {
  const optionsOf = ({ cert, key }: Certificate) => ({ ...TLS_OPTIONS, cert, key, ticketKeys });
  const server = createServer({
    ...optionsOf(certificates.first),
    ALPNProtocols: [...protocols],
    handshakeTimeout: HEAD_TIMEOUT_MS,
    SNICallback: (name, done) => done(null, certificates.find(name)?.context),
  });
  certificates.listeners.add((first) => server.setSecureContext(optionsOf(first)));
  server.on('secureConnection', (socket) => {
    resetThroughParent(socket);
    if (socket.alpnProtocol === 'h2') to.http2(socket);
    else to.http1(socket);
  });
  // Nobody is there who could be told: these are scans, plain HTTP, and clients that do not trust the certificate.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}

/** Node's `resetAndDestroy()` knows bare connections only. Without it, a reply of HTTP/1.0 could not be broken off. */
function resetThroughParent(socket: TLSSocket & { readonly _parent?: Socket }): void {
  socket.resetAndDestroy = () => {
    socket._parent?.resetAndDestroy();
    return socket;
  };
}

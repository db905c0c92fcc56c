import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';

/** TLS towards an upstream. Texts are PEM. */
export interface UpstreamTls {
  /** Certificates that upstreams are checked against; undefined: those of this machine. */
  readonly ca: string | undefined;
  /** The agent's own certificate with its chain, and its key. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Certificates of upstreams are not checked. */
  readonly isInsecure: boolean;
}

/** The settings of a connection. All of them are the key under which instances share a pool. */
export interface ConnectionTarget {
  /** As `UpstreamUrl` has it. */
  readonly origin: string;
  readonly connectTimeoutMs: number;
  /** Undefined: as Node does it by itself. */
  readonly tls?: UpstreamTls | undefined;
}

/** Opens connections to one origin. */
export interface Dialer {
  /** The event of a socket that says that the upstream may read. */
  readonly readyEvent: 'connect' | 'secureConnect';
  open(onread: OnReadOpts): Socket;
}

const SOCKET = 'unix:';
const COMMON = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 };

export function createDialer({ origin, tls }: ConnectionTarget): Dialer {
  if (origin.startsWith(SOCKET)) {
    const path = origin.slice(SOCKET.length);
    return { readyEvent: 'connect', open: (onread) => connectTcp({ ...COMMON, path, onread }) };
  }
  const { protocol, hostname, port } = new URL(origin);
  const host = hostname.replace(/^\[|\]$/g, '');
  if (protocol !== 'https:') {
    const address = { host, port: Number(port) || 80 };
    return { readyEvent: 'connect', open: (onread) => connectTcp({ ...COMMON, ...address, onread }) };
  }
  const options = {
    ...COMMON,
    host,
    port: Number(port) || 443,
    // RFC 6066 §3: a name, never an address.
    servername: isIP(host) ? '' : host,
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: !tls?.isInsecure,
    // Made once: reading certificates for each connection costs milliseconds.
    secureContext: createSecureContext({ ca: tls?.ca, cert: tls?.cert, key: tls?.key }),
  };
  const open = (onread: OnReadOpts) => {
    // The types of Node do not know that it takes those of a plain connection as well.
    const all = { ...options, onread };
    return connectTls(all);
  };
  return { readyEvent: 'secureConnect', open };
}

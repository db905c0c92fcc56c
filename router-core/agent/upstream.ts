import { connect as connectTcp } from 'node:net';
import { Pool, request } from 'undici';

/** The service beside the agent. */
export interface Upstream {
  readonly url: string;
  /** Path prefix of the URL, without a slash at its end. */
  readonly basePath: string;
  readonly pool: Pool;
  readonly connectTimeoutMs: number;
  /** Whether it can be called: with a health path, that it answers 2xx there; else that it takes a connection. */
  isHealthy(): Promise<boolean>;
  close(): Promise<void>;
}

export interface UpstreamOptions {
  readonly url: string;
  readonly concurrency: number;
  readonly connectTimeoutMs: number;
  readonly healthPath: string | undefined;
}

const PROBE_TIMEOUT_MS = 5_000;

export function createUpstream({
  url,
  concurrency,
  connectTimeoutMs,
  healthPath,
}: UpstreamOptions): Upstream {
  const { origin, pathname, hostname, port, protocol } = new URL(url);
  const basePath = pathname.replace(/\/+$/, '');
  // The hub owns every deadline; no timer here may end a request that the group's policy allows.
  const pool = new Pool(origin, {
    connections: concurrency,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 64 * 1024,
    connect: { timeout: connectTimeoutMs },
  });
  const answers = async (path: string) => {
    const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
    const { statusCode, body } = await request(`${origin}${basePath}${path}`, { signal });
    await body.dump();
    return statusCode >= 200 && statusCode < 300;
  };
  const takesConnections = () =>
    new Promise<boolean>((resolve) => {
      const defaultPort = protocol === 'https:' ? 443 : 80;
      const socket = connectTcp({
        host: hostname.replace(/^\[|\]$/g, ''),
        port: port === '' ? defaultPort : Number(port),
        timeout: Math.min(connectTimeoutMs, PROBE_TIMEOUT_MS),
      });
      const done = (healthy: boolean) => {
        socket.destroy();
        resolve(healthy);
      };
      socket.on('connect', () => done(true));
      socket.on('timeout', () => done(false));
      socket.on('error', () => done(false));
    });
  return {
    url,
    basePath,
    pool,
    connectTimeoutMs,
    isHealthy: () => (healthPath === undefined ? takesConnections() : answers(healthPath).catch(() => false)),
    close: () => pool.destroy(),
  };
}

/** Codes of errors that came before any byte reached the upstream: such a request has not run. */
const UNREACHED = new Set([
  ...['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'EHOSTDOWN'],
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Whether the upstream was never reached, so that even a POST may run elsewhere. */
export function isUnreached(error: Error): boolean {
  const { code, errors } = error as NodeJS.ErrnoException & { errors?: Error[] };
  // Several addresses tried (happy eyeballs): every one of them failed.
  if (Array.isArray(errors) && errors.length > 0) return errors.every((each) => isUnreached(each));
  return code !== undefined && UNREACHED.has(code);
}

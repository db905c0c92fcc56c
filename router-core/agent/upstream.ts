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
  readonly connectTimeoutMs: number;
  readonly healthPath: string | undefined;
}

const PROBE_TIMEOUT_MS = 5_000;

/**
 * Connections to one origin, shared by the instances of this process that call it: few that are busy are quicker than many
 * that are mostly idle (docs/decisions/0020-connections-by-origin.md).
 */
interface Origin {
  readonly pool: Pool;
  users: number;
}

const origins = new Map<string, Origin>();

/** Slots limit how many connections there are. */
function joinOrigin(origin: string, connectTimeoutMs: number): Pick<Upstream, 'pool' | 'close'> {
  const key = `${origin} ${connectTimeoutMs}`;
  const shared = origins.get(key) ?? { pool: createPool(origin, connectTimeoutMs), users: 0 };
  origins.set(key, shared);
  shared.users += 1;
  const close = async () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    origins.delete(key);
    await shared.pool.destroy();
  };
  return { pool: shared.pool, close };
}

/** The hub owns every deadline; no timer here may end a request that the group's policy allows. */
function createPool(origin: string, connectTimeoutMs: number): Pool {
  return new Pool(origin, {
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 64 * 1024,
    connect: { timeout: connectTimeoutMs },
  });
}

export function createUpstream({ url, connectTimeoutMs, healthPath }: UpstreamOptions): Upstream {
  const { origin, pathname, hostname, port, protocol } = new URL(url);
  const basePath = pathname.replace(/\/+$/, '');
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
    connectTimeoutMs,
    isHealthy: () => (healthPath === undefined ? takesConnections() : answers(healthPath).catch(() => false)),
    ...joinOrigin(origin, connectTimeoutMs),
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

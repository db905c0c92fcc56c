import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { UpstreamPool } from './upstream-pool.ts';

/** The service beside the agent. */
export interface Upstream {
  readonly url: string;
  /** Of the URL: host, and port unless it is the usual one. */
  readonly host: string;
  /** Path prefix of the URL, without a slash at its end. */
  readonly basePath: string;
  readonly pool: UpstreamPool;
  readonly connectTimeoutMs: number;
  /** Whether it can be called: with a health path, that it answers 2xx there; else that it takes a connection. */
  isHealthy(): Promise<boolean>;
  close(): void;
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
  readonly pool: UpstreamPool;
  users: number;
}

const origins = new Map<string, Origin>();

/** Slots limit how many connections there are. */
function joinOrigin(origin: string, connectTimeoutMs: number): Pick<Upstream, 'pool' | 'close'> {
  const key = `${origin} ${connectTimeoutMs}`;
  const shared = origins.get(key) ?? { pool: new UpstreamPool(new URL(origin), connectTimeoutMs), users: 0 };
  origins.set(key, shared);
  shared.users += 1;
  const close = () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    origins.delete(key);
    shared.pool.destroy();
  };
  return { pool: shared.pool, close };
}

export function createUpstream({ url, connectTimeoutMs, healthPath }: UpstreamOptions): Upstream {
  const { origin, host, pathname, hostname, port, protocol } = new URL(url);
  const basePath = pathname.replace(/\/+$/, '');
  const answers = (path: string) =>
    new Promise<boolean>((resolve) => {
      const get = protocol === 'https:' ? getHttps : getHttp;
      const options = { agent: false, signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) };
      const call = get(`${origin}${basePath}${path}`, options, ({ statusCode = 0 }) => {
        resolve(statusCode >= 200 && statusCode < 300);
        call.destroy();
      });
      call.on('error', () => resolve(false));
    });
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
    host,
    basePath,
    connectTimeoutMs,
    isHealthy: () => (healthPath === undefined ? takesConnections() : answers(healthPath)),
    ...joinOrigin(origin, connectTimeoutMs),
  };
}

import { compileLocations, type RewriteLocations } from '../../http/rewrite-location.ts';
import { checkUpstream, type CheckResult } from './check-upstream.ts';
import { UpstreamPool, type ConnectionTarget } from './upstream-pool.ts';

/** The service beside the agent. */
export interface Upstream {
  readonly url: string;
  /** The host of the URL, with the port unless it is the default. */
  readonly host: string;
  /** The path prefix of the URL, without a slash at its end. */
  readonly basePath: string;
  readonly pool: UpstreamPool;
  readonly rewriteLocations: RewriteLocations;
  /** The reason why it cannot be called; undefined when it can. */
  check(): Promise<CheckResult>;
  close(): void;
}

export interface UpstreamOptions {
  readonly url: string;
  readonly connectTimeoutMs: number;
  readonly healthPath: string | undefined;
  /** The most calls at once. */
  readonly slots: number;
}

/**
 * Connections to one origin, shared by the instances of this process that call it: a few busy ones are quicker than many that
 * are mostly idle (docs/decisions/0020-connections-by-origin.md).
 */
interface Origin {
  readonly pool: UpstreamPool;
  users: number;
}

const origins = new Map<string, Origin>();

function joinOrigin(target: ConnectionTarget, slots: number): Pick<Upstream, 'pool' | 'close'> {
  // All settings of a connection: instances with different ones must not share it.
  const key = JSON.stringify(target);
  const shared = origins.get(key) ?? { pool: new UpstreamPool(target), users: 0 };
  origins.set(key, shared);
  shared.users += 1;
  shared.pool.slots += slots;
  const close = () => {
    shared.users -= 1;
    shared.pool.slots -= slots;
    if (shared.users > 0) return;
    origins.delete(key);
    shared.pool.destroy();
  };
  return { pool: shared.pool, close };
}

export function createUpstream({ url, connectTimeoutMs, healthPath, slots }: UpstreamOptions): Upstream {
  const { origin, host, pathname } = new URL(url);
  const basePath = pathname.replace(/\/+$/, '');
  const { pool, close } = joinOrigin({ origin, connectTimeoutMs }, slots);
  return {
    url,
    host,
    basePath,
    pool,
    rewriteLocations: compileLocations(url),
    check: () => checkUpstream({ pool, host, basePath, healthPath }),
    close,
  };
}

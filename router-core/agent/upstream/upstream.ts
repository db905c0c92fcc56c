import { compileLocations, type RewriteLocations } from '../../http/rewrite-location.ts';
import { parseUpstreamUrl } from '../../runtime/upstream-url.ts';
import { checkUpstream, type CheckResult } from './check-upstream.ts';
import type { ConnectionTarget, UpstreamTls } from './dialer.ts';
import { UpstreamPool } from './upstream-pool.ts';

/** The service beside the agent. */
export interface Upstream {
  readonly url: string;
  /** For the field Host. */
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
  /** Undefined: as Node does it by itself. */
  readonly tls?: UpstreamTls | undefined;
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

export function createUpstream({ url, tls, connectTimeoutMs, healthPath, slots }: UpstreamOptions): Upstream {
  const parsed = parseUpstreamUrl(url);
  if (!parsed) throw new Error('not the address of an upstream');
  const { origin, host, basePath, ownUrl } = parsed;
  const { pool, close } = joinOrigin({ origin, connectTimeoutMs, tls }, slots);
  return {
    url,
    host,
    basePath,
    pool,
    rewriteLocations: compileLocations(ownUrl),
    check: () => checkUpstream({ pool, host, basePath, healthPath }),
    close,
  };
}

import type { Redis } from 'ioredis';
import { BurstyRateLimiter, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { ChurnMap } from '../../runtime/churn-map.ts';
import type { StoredApp } from '../../config/stored.ts';
import type { AppAdmission } from '../../exchange/hub-link.ts';
import { appKeys, tagOf } from '../scripts/keys.ts';
import { loadScript, runScript } from '../connection/run-script.ts';
import type { Store } from '../connection/store.ts';

const script = loadScript('app-permits');

/** A permit of a dead hub expires after this time, ms. */
const PERMIT_TTL_MS = 15_000;

type Limiter = RateLimiterRedis | BurstyRateLimiter;

/** The limits of apps, over all hubs. Apps without limits never get here. */
export class AppLimits {
  readonly #store: Pick<Store, 'at'>;
  /** Requests that hold a permit, by app. */
  readonly #held = new Map<string, ChurnMap<true>>();
  readonly #timer: NodeJS.Timeout;
  #limiters = new WeakMap<Redis, Map<string, Limiter>>();

  constructor(store: Pick<Store, 'at'>) {
    this.#store = store;
    this.#timer = setInterval(() => this.#renew(), PERMIT_TTL_MS / 3);
    this.#timer.unref();
  }

  /** Takes a permit for one request; `leave` releases it. Rejects when Redis is away. */
  async enter(app: StoredApp, id: string): Promise<AppAdmission> {
    const client = this.#clientOf(app.name);
    if (!client) throw new Error('Redis is not reachable');
    if (app.rate) {
      const waitMs = await this.#consume(client, app);
      if (waitMs > 0) return { ok: false, limit: 'rate', retryAfterS: Math.ceil(waitMs / 1_000) };
    }
    if (app.concurrency === 0) return { ok: true };
    const args = ['take', app.concurrency, PERMIT_TTL_MS, id];
    const taken = await runScript(client, script, [appKeys(app.name).permits], args);
    if (taken === 0) return { ok: false, limit: 'concurrency', retryAfterS: 1 };
    let held = this.#held.get(app.name);
    if (!held) this.#held.set(app.name, (held = new ChurnMap()));
    held.set(id, true);
    return { ok: true };
  }

  leave(app: string, id: string): void {
    const held = this.#held.get(app);
    if (!held?.delete(id)) return;
    this.#tell(app, 'release', [id]);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** ms to wait; 0 when the request is within the rate. */
  async #consume(client: Redis, app: StoredApp): Promise<number> {
    try {
      await this.#limiter(client, app).consume('1');
      return 0;
    } catch (error) {
      if (error instanceof RateLimiterRes) return Math.max(1, error.msBeforeNext);
      throw error;
    }
  }

  #limiter(client: Redis, { name, rate }: StoredApp): Limiter {
    const limiters = this.#limiters.get(client) ?? new Map<string, Limiter>();
    this.#limiters.set(client, limiters);
    const { requests = 1, perMs = 1_000, burst = 0 } = rate ?? {};
    const key = `${name} ${requests} ${perMs} ${burst}`;
    const known = limiters.get(key);
    if (known) return known;
    const make = (suffix: string, points: number, ms: number) =>
      new RateLimiterRedis({
        storeClient: client,
        keyPrefix: `${appKeys(name).rate}:${suffix}`,
        points,
        duration: ms / 1_000,
      });
    const steady = make('steady', requests, perMs);
    // As many as the rate would have allowed while no request came.
    const limiter =
      burst > 0 ? new BurstyRateLimiter(steady, make('burst', burst, (burst / requests) * perMs)) : steady;
    limiters.set(key, limiter);
    return limiter;
  }

  #clientOf(app: string): Redis | undefined {
    return this.#store.at(tagOf(appKeys(app).permits), 'commands').client;
  }

  #renew(): void {
    for (const [app, held] of this.#held) {
      if (held.size > 0) this.#tell(app, 'renew', held.keys());
    }
  }

  /** When the call is lost, the permit expires by itself. */
  #tell(app: string, action: 'renew' | 'release', ids: string[]): void {
    const client = this.#clientOf(app);
    if (!client) return;
    runScript(client, script, [appKeys(app).permits], [action, 0, PERMIT_TTL_MS, ...ids]).catch(
      () => undefined,
    );
  }
}

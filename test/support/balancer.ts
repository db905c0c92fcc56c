import { Agent as ConnectionPool } from 'node:http';
import { onTestFinished } from 'vitest';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { ask, type AskOptions, type Outcome } from './ask.ts';
import { isReady } from './parts.ts';

/**
 * A client that behaves as a load balancer does: asks every hub for its readiness each 100 ms, sends only to those that are
 * ready, keeps connections alive and gives them up when a reply says so.
 */
export function startBalancer(hubUrls: string[]): (path: string, options: AskOptions) => Promise<Outcome> {
  const stopping = new AbortController();
  const pool = new ConnectionPool({ keepAlive: true });
  const ready = new Set(hubUrls);
  onTestFinished(() => {
    stopping.abort();
    pool.destroy();
  });
  const watch = async (url: string) => {
    while (!stopping.signal.aborted) {
      if (await isReady(url)) ready.add(url);
      else ready.delete(url);
      await sleep(100, stopping.signal);
    }
  };
  for (const url of hubUrls) void watch(url);
  let turn = 0;
  return async (path, options) => {
    while (ready.size === 0) await sleep(10);
    const url = [...ready][turn++ % ready.size];
    return ask(`${url}${path}`, { ...options, pool });
  };
}

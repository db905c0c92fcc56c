import { expect, onTestFinished, test } from 'vitest';
import { groupSchema } from '../../router-core/config/group.ts';
import { routeSchema } from '../../router-core/config/route.ts';
import { CHANGES_CHANNEL, CONFIG_KEYS, configKey } from '../../router-core/redis/scripts/keys.ts';
import { ask } from '../support/ask.ts';
import { configuredHub } from '../support/config.ts';
import { agentHere, redisHere, upstreamHere, withRedis } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

/** In one go they hold a hub for a second. */
const ROUTES = 10_000;
const HELD_AT_MOST_MS = 200;

/**
 * Watches for how long this process, in which the hub is, lets nothing else run: the time of the clock or of CPU, whichever is
 * less. Other processes stretch the first; V8's collector, which works beside it, adds to the second.
 */
function watchHolds(): { longestMs: () => number } {
  let longest = 0;
  let at = performance.now();
  let cpu = process.cpuUsage();
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(cpu);
    const now = performance.now();
    longest = Math.max(longest, Math.min(now - at, (user + system) / 1_000));
    [at, cpu] = [now, process.cpuUsage()];
  }, 1);
  onTestFinished(() => clearInterval(timer));
  return { longestMs: () => longest };
}

/** Exact paths, prefixes, hosts of their own. */
function routeTo(group: string, i: number, version: number) {
  const path = `/r${i}`;
  const matches = [{ path }, { path: `${path}/*` }, { host: `h${i}.example.com`, path }];
  const setHeaders = { 'x-version': String(version) };
  return routeSchema.parse({ name: `route-${i}`, match: matches[i % 3], groups: [{ group }], setHeaders });
}

/** Writes without an announcement; returns what makes it the newest version. */
async function write(url: string, group: string, version: number): Promise<() => Promise<unknown>> {
  const at = new Date().toISOString();
  const stored = (object: object) =>
    JSON.stringify({ ...object, revision: version, createdAt: at, updatedAt: at });
  await withRedis(url, async (client) => {
    await client.hset(configKey('groups'), group, stored(groupSchema.parse({ name: group })));
    for (let i = 0; i < ROUTES; i += 1_000) {
      const some = Array.from({ length: 1_000 }, (_, n) => routeTo(group, i + n, version));
      await client.hset(configKey('routes'), ...some.flatMap((route) => [route.name, stored(route)]));
    }
  });
  return () =>
    withRedis(url, async (client) => {
      await client.set(CONFIG_KEYS.version, version);
      await client.publish(CHANGES_CHANNEL, String(version));
    });
}

test('a hub that takes ten thousand routes, and takes them all anew, lets requests through meanwhile', async () => {
  const redis = await redisHere();
  const group = uniqueGroup();
  const upstream = await upstreamHere((req, res) => res.end(req.headers['x-version']));
  await agentHere(redis.url, group, upstream.url);
  const hub = await configuredHub(redis.url);
  for (const version of [1_000, 1_001]) {
    const announce = await write(redis.url, group, version);
    const { longestMs } = watchHolds();
    await announce();
    const isTaken = async () => (await ask(`${hub.url}/r0`)).body === String(version);
    await waitFor(isTaken, { timeoutMs: 60_000, what: `version ${version} to be taken` });
    expect(longestMs()).toBeLessThan(HELD_AT_MOST_MS);
    // Taken as a whole.
    for (const path of ['/r1/x', `/r${ROUTES - 1}`]) {
      expect((await ask(`${hub.url}${path}`)).body).toBe(String(version));
    }
  }
}, 180_000);

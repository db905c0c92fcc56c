import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { startDataPath } from '../support/data-path.ts';
import { hasClusters } from '../support/engine.ts';
import { startRedis } from '../support/redis.ts';

const REQUESTS = 300;

/** How often each command has run, those of scripts too. */
async function commandCalls(client: Redis): Promise<Map<string, number>> {
  const lines = (await client.info('commandstats')).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
  return new Map([...lines].map(([, name = '', calls]) => [name, Number(calls)]));
}

// Each call of Redis from Lua costs one to three microseconds, which all requests of all groups on its shard share.
// Dragonfly counts them in another way.
test.runIf(hasClusters())(
  'a request is one pull and two scripts of 17 commands where none waits',
  async () => {
    const redis = await startRedis();
    const path = await startDataPath(redis, (_req, res) => void res.end('ok'));
    const client = new Redis(redis.url);
    const ask = async () => expect((await fetch(`${path.hub.url}/`)).status).toBe(200);
    await ask();

    const before = await commandCalls(client);
    for (let i = 0; i < REQUESTS; i++) await ask();
    const after = await commandCalls(client);

    const perRequest = (name: string) => ((after.get(name) ?? 0) - (before.get(name) ?? 0)) / REQUESTS;
    // Sweeps, heartbeats and what goes away in the background run a few more in this time.
    for (const [name, count] of Object.entries(EXPECTED)) {
      expect.soft({ name, count: Math.floor(perRequest(name) + 0.05) }).toEqual({ name, count });
    }
    const known = new Set(Object.keys(EXPECTED));
    const others = [...after.keys()].filter((name) => !known.has(name) && perRequest(name) > 0.5);
    expect(others).toEqual([]);

    await path.close();
    await client.quit();
    await redis.stop();
  },
);

const EXPECTED = {
  evalsha: 2,
  xreadgroup: 1,
  // admit
  time: 1,
  hmget: 2,
  zadd: 2,
  // admit: the lane and both lines; reply: both lines
  xlen: 5,
  // admit: the request; reply: its answer
  xadd: 2,
  // reply
  pexpire: 1,
  spublish: 1,
  xack: 1,
  xdel: 1,
  zrem: 1,
};

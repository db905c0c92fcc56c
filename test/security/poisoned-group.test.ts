import { afterAll, beforeAll, expect, test } from 'vitest';
import { repairGroup } from '../../router-core/redis/control/repair-group.ts';
import { openStore } from '../../router-core/redis/connection/store.ts';
import { createLogger } from '../../router-core/runtime/logger.ts';
import { agentUrl, newLogin, provision, startGuardedRedis } from '../support/agent-logins.ts';
import type { GuardedRedis } from '../support/agent-logins.ts';
import { ask, startAsking } from '../support/ask.ts';
import { agentHere, expectNothingLeft, hubHere, upstreamHere, withRedis } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';
import { inPieces, metaOf, rawFrame } from './support/by-hand.ts';
import { thiefHere, type Thief } from './support/thief.ts';

// Data that a stolen token has written into its group does not outlive the token.

const LEASE_MS = 1_500;

let redis: GuardedRedis;
beforeAll(async () => {
  redis = await startGuardedRedis();
});
afterAll(() => redis.stop());

/** A group with an honest agent, and a thief beside it. */
async function startGroup() {
  const group = uniqueGroup();
  const honest = newLogin(group);
  const thief = await thiefHere(redis, group, { others: [honest] });
  const hub = await hubHere(redis.adminUrl, group, { leaseMs: LEASE_MS, queueWaitMs: 2_000 });
  const slow = { release: () => {} };
  const upstream = await upstreamHere((req, res) => {
    if (req.url === '/slow') slow.release = () => res.end('slow but true');
    else res.end('ok');
  });
  await agentHere(agentUrl(redis, honest), group, upstream.url, { concurrency: 4 });
  expect((await ask(hub.url)).body).toBe('ok');
  const revokeAndRepair = async () => {
    await provision(redis, [honest]);
    const store = openStore({
      url: redis.adminUrl,
      everyNode: true,
      log: createLogger({ level: 'silent', name: 't' }),
    });
    await store.at(group, 'commands').ready();
    await repairGroup(store, { name: group, leaseMs: LEASE_MS });
    store.close();
  };
  return { group, thief, hub, slow, revokeAndRepair };
}

/** Gone by PEXPIRE, which agents need, it can be made again as anything. */
async function remake(thief: Thief, key: string, make: () => Promise<unknown>): Promise<void> {
  await thief.client.pexpire(key, 1);
  await waitFor(
    async () => {
      await make().catch(() => undefined);
      return withRedis(redis.adminUrl, async (client) => (await client.type(key)) !== 'none');
    },
    { what: `another ${key}` },
  );
}

const POISONS: Record<string, (thief: Thief) => Promise<unknown>> = {
  'a version from the far future, and limits that let nothing through': ({ client, keys }) =>
    client.hset(keys.settings, {
      version: '9007199254740991',
      concurrency: '1',
      paused: '1',
      lease: '1000000000',
    }),
  'settings that are no numbers': ({ client, keys }) =>
    client.hset(keys.settings, {
      version: 'nan',
      concurrency: 'x',
      lease: 'abc',
      beat: 'inf',
      grace: '1e300',
    }),
  '30,000 foreign entries in line, some in the name of the live hub': async ({ client, keys }) => {
    const [hub = ''] = await withRedis(redis.adminUrl, (admin) => admin.zrange(keys.hubs, '0', '0'));
    const payload = rawFrame({ id: 'foreign' });
    await inPieces(
      Array.from({ length: 30_000 }, (_, i) => i),
      async (piece) => {
        const pipeline = client.pipeline();
        for (const i of piece) {
          const owner = i % 2 === 0 ? hub : 'none';
          pipeline.xadd(keys.waiting, '*', metaOf({ id: `${owner}-x${i}`, hub: owner }), payload);
        }
        await pipeline.exec();
      },
    );
  },
  'entries that are none': async ({ client, keys }) => {
    for (const stream of [keys.waiting, keys.redelivery, keys.lane('0')]) {
      for (const meta of ['', 'x', metaOf({ attempt: 99_999 }), metaOf({ id: 'y'.repeat(300) })]) {
        await client.xadd(stream, '*', meta, 'no frame');
      }
    }
  },
  '5,000 permits that never lapse': async ({ client, keys }) => {
    await client.hset(keys.settings, 'concurrency', '5000');
    const members = Array.from({ length: 5_000 }, (_, i) => ['9e15', `ghost-${i}:1`]).flat();
    await client.zadd(keys.permits, ...members);
  },
  'instances that do not exist, with slots': async ({ client, keys }) => {
    for (let i = 0; i < 20; i++) {
      await client.zadd(keys.instances, '9e15', `ghost.${i}`);
      await client.hset(keys.slots, `ghost.${i}`, '0 100 -');
    }
    await client.hset(keys.lanes, '0', '2000000');
    await client.zadd(keys.hubs, '9e15', 'ghost');
  },
  'thousands of consumers, and of consumer groups': async ({ client, keys }) => {
    const lane = keys.lane('0');
    const names = Array.from({ length: 5_000 }, (_, i) => `ghost.${i}`);
    await inPieces(names, (piece) =>
      client
        .pipeline(piece.map((name) => ['xreadgroup', 'GROUP', 'agents', name, 'STREAMS', lane, '>']))
        .exec(),
    );
    await inPieces(names, (piece) =>
      client.pipeline(piece.map((name) => ['xgroup', 'CREATE', lane, name, '0'])).exec(),
    );
  },
  'wrong types': async (thief) => {
    const { client, keys } = thief;
    for (const key of [keys.waiting, keys.permits, keys.instances, keys.lanes]) {
      await remake(thief, key, () => client.xadd(key, '*', 'a', 'b'));
    }
    for (const key of [keys.redelivery, keys.slots]) {
      await remake(thief, key, () => client.zadd(key, 1, 'a'));
    }
    await remake(thief, keys.settings, () => client.zadd(keys.settings, 1, 'a'));
  },
};

test.each(Object.keys(POISONS))('%s', { timeout: 60_000 }, async (name) => {
  const { group, thief, hub, revokeAndRepair } = await startGroup();
  await POISONS[name]?.(thief);
  await revokeAndRepair();

  const served = async () =>
    (await Promise.all([1, 2, 3, 4].map(() => ask(hub.url)))).every(({ body }) => body === 'ok');
  await waitFor(served, { timeoutMs: 20_000, what: 'the group to serve again' });
  await expectNothingLeft(redis.adminUrl, group);
  const { keys } = thief;
  await withRedis(redis.adminUrl, async (client) => {
    const settings = () => client.hmget(keys.settings, 'version', 'concurrency', 'lease', 'paused');
    await waitFor(async () => (await settings()).join(' ') === '0 0 1500 0', {
      timeoutMs: 20_000,
      what: 'the settings of the configuration',
    });
    await waitFor(async () => (await client.zcard(keys.instances)) === 1, { what: 'one instance' });
    expect(await client.hgetall(keys.lanes)).toEqual({ '0': '4' });
    expect(await client.zrange(keys.hubs, '0', '-1')).toHaveLength(1);
    expect(await client.xinfo('GROUPS', keys.lane('0'))).toHaveLength(1);
    expect(await client.xinfo('CONSUMERS', keys.lane('0'), 'agents')).toHaveLength(1);
  });
});

test(
  'a request that runs outlives the repair, and is answered with the truth',
  { timeout: 30_000 },
  async () => {
    const { group, thief, hub, slow, revokeAndRepair } = await startGroup();
    const running = startAsking(`${hub.url}/slow`);
    await waitFor(
      () => withRedis(redis.adminUrl, async (client) => (await client.zcard(thief.keys.permits)) === 1),
      {
        what: 'the request to run',
      },
    );
    await revokeAndRepair();
    await new Promise((resolve) => setTimeout(resolve, 2 * LEASE_MS));
    slow.release();
    expect(await running.outcome).toMatchObject({ status: 200, body: 'slow but true' });
    await expectNothingLeft(redis.adminUrl, group);
  },
);

test(
  'settings that agents have written are written again, also without a repair',
  { timeout: 30_000 },
  async () => {
    const { thief, hub } = await startGroup();
    await thief.client.hset(thief.keys.settings, { version: '9007199254740991', paused: '1', lease: 'abc' });
    const isRight = () =>
      withRedis(redis.adminUrl, async (client) => {
        const found = await client.hmget(thief.keys.settings, 'version', 'paused', 'lease');
        return found.join(' ') === '0 0 1500';
      });
    await waitFor(isRight, { timeoutMs: 15_000, what: 'the settings' });
    expect((await ask(hub.url)).body).toBe('ok');
  },
);

import { setImmediate as tick, setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { Heartbeat } from '../../router-core/redis/agent/heartbeat.ts';
import type { HeldRequest } from '../../router-core/redis/agent/held-requests.ts';
import { groupKeys } from '../../router-core/redis/scripts/keys.ts';
import { KnownLanes } from '../../router-core/redis/agent/known-lanes.ts';
import { RecordParts } from '../../router-core/redis/agent/record-parts.ts';
import { openStore } from '../../router-core/redis/connection/store.ts';
import { Renewals } from '../../router-core/redis/agent/renewals.ts';
import { recordLog } from '../support/config.ts';
import { redisHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';

const LEASE_MS = 1_000;

/** An instance's heartbeat in a group of its own, in which a hub lives, and requests that it believes to hold. */
async function beatingInstance() {
  const redis = await redisHere();
  const { log } = recordLog();
  const group = uniqueGroup();
  const keys = groupKeys(group);
  const store = openStore({ url: redis.url, log });
  const client = new Redis(redis.url, { protocol: 2 });
  await client.hset(keys.settings, 'lease', LEASE_MS);
  await client.zadd(keys.hubs, Date.now() + 60_000, 'hub');
  const lanes = new KnownLanes(keys, [], 'shared');
  await lanes.join(client, 'instance', LEASE_MS);

  const held: HeldRequest[] = [];
  const taken: string[] = [];
  const hold = (id: string) =>
    held.push({
      id,
      attempt: 1,
      hub: 'hub',
      entry: `${Date.now()}-0`,
      expiresAt: performance.now() + 60_000,
      onTaken: (why) => taken.push(`${id} ${why}`),
    });
  const heartbeat = new Heartbeat({
    connection: store.at(group, 'commands'),
    keys,
    lanes,
    instance: 'instance',
    parts: new RecordParts(),
    log,
    report: () => ({
      shares: [{ record: '-', slots: 1, running: held.length }],
      report: { name: 'instance', version: '0', concurrency: 1, inFlight: held.length, state: 'ready' },
    }),
    onGrants: () => undefined,
    onBeat: () => undefined,
    held: {
      get size() {
        return held.length;
      },
      values: () => [...held],
      has: (request) => held.includes(request),
    },
    renewals: new Renewals(),
  });
  onTestFinished(() => {
    heartbeat.close();
    store.close();
    client.disconnect();
  });
  // The effect of a sweep on an instance whose lease has ended.
  const end = () => client.zrem(keys.instances, 'instance');
  await heartbeat.beat({ renews: true });
  return { heartbeat, hold, taken, end };
}

test('an instance that has read an answer late knows that its lease had ended, and lets go', async () => {
  const { heartbeat, hold, taken, end } = await beatingInstance();
  const beat = heartbeat.beat({ renews: true });
  await tick();
  // The beat is in Redis; its answer waits for us.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LEASE_MS - 100);
  await beat;
  await delay(200);
  await end();
  hold('r');
  await heartbeat.beat({ renews: true });
  expect(taken).toEqual(['r lost']);
});

test('an instance that is unknown although its lease goes on keeps its requests: Redis has lost its data', async () => {
  const { heartbeat, hold, taken, end } = await beatingInstance();
  await end();
  hold('r');
  await heartbeat.beat({ renews: true });
  expect(taken).toEqual([]);
});

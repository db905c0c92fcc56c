import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { openStore } from '../../router-core/redis/connection/store.ts';
import { CONFIG_TAG } from '../../router-core/redis/scripts/keys.ts';
import { repairGroup } from '../../router-core/redis/control/repair-group.ts';
import { agentRecords } from '../support/agent-records.ts';
import { recordLog } from '../support/config.ts';
import { hubHere, redisHere, withRedis } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';
import { relayHere, share } from './support/relay-here.ts';
import { directHere } from './support/direct-here.ts';

// A relay offers slots for many agent records at once, and each record has its own cap and state.

const LEASE_MS = 900;

async function groupHere() {
  const redis = await redisHere();
  const group = uniqueGroup();
  await hubHere(redis.url, group, { leaseMs: LEASE_MS });
  const records = agentRecords(redis.url);
  const key = (name: string) => `mr:{${group}}:${name}`;
  const read = <T>(use: (client: Redis) => Promise<T>) => withRedis(redis.url, use);
  const sums = () => read((client) => client.hgetall(key('agent-slots')));
  const lanes = () => read((client) => client.hgetall(key('lanes')));
  return { redis, group, records, key, read, sums, lanes };
}

test('all instances of a record together get no more than its cap: two relays and an agent', async () => {
  const { redis, group, records, sums, lanes } = await groupHere();
  await records.set('gpu', { group, concurrency: 10 });
  await records.set('cpu', { group, concurrency: 0 });
  const first = await relayHere(redis.url, group, [share('gpu', 6), share('cpu', 5)]);
  const second = await relayHere(redis.url, group, [share('cpu', 7), share('gpu', 6)]);
  const direct = await directHere(redis.url, group, 'gpu', 6);
  expect([first.granted('gpu'), first.granted('cpu')]).toEqual(['6 active', '5 active']);
  expect([second.granted('gpu'), second.granted('cpu')]).toEqual(['4 active', '7 active']);
  expect(direct.granted()).toBe('0 active');
  expect(await sums()).toEqual({ gpu: '10', cpu: '12' });
  // A lane for each relay, and one that agents share.
  expect(await lanes()).toEqual({ 0: '0', 100000: '11', 100001: '11' });

  await first.offer([share('cpu', 5)]);
  // Whoever beats first takes as many as it offers; the other one gets the rest.
  await waitFor(() => direct.granted() !== '0 active' || second.granted('gpu') === '6 active', {
    what: 'the slots to go to others',
  });
  await waitFor(async () => (await sums())['gpu'] === '10', { what: 'the cap to be used up again' });
});

test('one record of a relay is paused, drained, moved and removed, and the other goes on', async () => {
  const { redis, group, records, sums } = await groupHere();
  await records.set('gpu', { group });
  await records.set('cpu', { group });
  const relay = await relayHere(redis.url, group, [share('gpu', 6, 2), share('cpu', 5)]);
  expect(relay.granted('gpu')).toBe('6 active');
  const becomes = (what: string) =>
    waitFor(() => relay.granted('gpu') === what, { what: `gpu to be ${what}, not ${relay.granted('gpu')}` });
  // It keeps the slots in use.
  await records.set('gpu', { group, paused: true });
  await becomes('2 paused');
  await records.set('gpu', { group, draining: true });
  await becomes('2 draining');
  await records.set('gpu', { group, scopes: ['large'] });
  await becomes('2 moved');
  await records.remove('gpu');
  await becomes('2 unknown');
  await records.set('gpu', { group });
  await becomes('6 active');
  expect(relay.granted('cpu')).toBe('5 active');
  expect(await sums()).toEqual({ gpu: '6', cpu: '5' });
});

test('a relay of more records than one row holds has all their slots, and leaves nothing when it goes', async () => {
  const { redis, group, records, key, read, sums, lanes } = await groupHere();
  const names = Array.from({ length: 150 }, (_, i) => `r${i}`);
  await records.set('r0', { group, concurrency: 1 });
  const relay = await relayHere(
    redis.url,
    group,
    names.map((name) => share(name, 2, 1)),
  );
  expect(relay.granted('r0')).toBe('1 active');
  // The others are not configured: they keep what they use.
  expect(relay.granted('r149')).toBe('1 unknown');
  expect(relay.grants().map(({ record }) => record)).toEqual(names);
  expect(Object.keys(await sums())).toHaveLength(150);
  expect((await lanes())['100000']).toBe('150');
  await relay.link.close(100);
  expect(await sums()).toEqual({});
  expect(await read((client) => client.zcard(key('instances')))).toBe(0);
  expect(await read((client) => client.hlen(key('slots')))).toBe(0);
});

test('a relay that dies leaves its caps to others within a lease and a sweep', async () => {
  const { redis, group, records, key, read, sums } = await groupHere();
  await records.set('gpu', { group, concurrency: 4 });
  const dead = 'hub-dead.00000000';
  // As it was when its hub was killed.
  await read(async (client) => {
    await client.hset(key('slots'), dead, '100000 7 gpu=3,cpu=4', `${dead}/1`, '100000 2 a=1,b=1');
    await client.hset(key('lanes'), '100000', '9');
    await client.hset(key('agent-slots'), { gpu: 3, cpu: 4, a: 1, b: 1 });
    const expiry = Date.now() + LEASE_MS;
    await client.zadd(key('instances'), expiry, dead, expiry, `${dead}/1`);
  });
  const relay = await relayHere(redis.url, group, [share('gpu', 4)]);
  expect(relay.granted('gpu')).toBe('1 active');
  await waitFor(() => relay.granted('gpu') === '4 active', { what: 'its slots', timeoutMs: 5_000 });
  expect(await sums()).toEqual({ gpu: '4' });
});

test('a repair, as after a token was revoked, takes nothing from a relay for good', async () => {
  const { redis, group, records, key, read, sums } = await groupHere();
  await records.set('gpu', { group, concurrency: 4 });
  const relay = await relayHere(redis.url, group, [share('gpu', 9), share('cpu', 2, 2)]);
  const before = await sums();
  const lane = '100000';
  // A thief may have written this.
  await read((client) => client.hset(key('agent-slots'), 'gpu', '-50'));
  const store = openStore({ url: redis.url, everyNode: true, log: recordLog().log });
  await store.at(group, 'commands').ready();
  await store.at(CONFIG_TAG, 'commands').ready();
  await repairGroup(store, { name: group, leaseMs: LEASE_MS });
  store.close();
  await waitFor(async () => (await sums())['gpu'] === before['gpu'], { what: 'the same slots' });
  await waitFor(() => relay.granted('gpu') === '4 active', { what: 'its grant' });
  expect(await sums()).toEqual({ gpu: '4', cpu: '2' });
  expect((await read((client) => client.hgetall(key('lanes'))))[lane]).toBe('6');
});

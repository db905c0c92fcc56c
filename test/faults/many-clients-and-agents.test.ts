import { expect, test } from 'vitest';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { withRedis } from '../support/parts.ts';
import { TELLS_MEMORY, memoryOf, MIB } from '../support/memory.ts';
import { createRandom } from '../support/random.ts';
import { waitFor } from '../support/wait.ts';
import { shortOrLong, TIMEOUT } from './support/form.ts';
import { startWorld } from './support/start-world.ts';

test.skipIf(!TELLS_MEMORY)(
  '200 clients that read slowly: memory is bounded by their windows',
  TIMEOUT,
  async () => {
    const CLIENTS = shortOrLong(50, 200);
    const REPLY_BYTES = 16 * MIB;
    const world = await startWorld({ agents: 1, concurrency: CLIENTS, deadlineMs: 120_000 });
    const [hub, agent] = [world.hubs[0]?.process.pid ?? 0, world.agents[0]?.process.pid ?? 0];
    const before = [hub, agent].map((pid) => memoryOf(pid).now);
    const leaveAfterMs = shortOrLong(10_000, 60_000);
    const client = await world.startClient({
      ...{ concurrency: CLIENTS, count: CLIENTS },
      requests: [{ method: 'GET', replyBytes: REPLY_BYTES, readBytesPerS: 10_000, leaveAfterMs }],
    });
    let inRedis = 0;
    await withRedis(world.redis.url, async (redis) => {
      while (world.record.outcomes().length < CLIENTS) {
        const used = /used_memory:(\d+)/.exec(await redis.info('memory'))?.[1];
        inRedis = Math.max(inRedis, Number(used));
        await sleep(100);
      }
    });
    await client.done;
    expect(world.record.tally()).toEqual({ 'left 200': CLIENTS });

    // A window of 1 MiB each way, and what sockets buffer; a heap with garbage in it may be three times what is in use.
    const windows = CLIENTS * MIB;
    const grown = [hub, agent].map((pid, i) => memoryOf(pid).highest - (before[i] ?? 0));
    expect(Math.max(...grown)).toBeLessThan(3 * windows + 150 * MIB);
    expect(inRedis).toBeLessThan(1.5 * windows + 20 * MIB);
    expect(inRedis).toBeGreaterThan(windows / 4);
    await world.expectPromisesKept();
  },
);

test('200 agents join, leave and are killed: nothing of them is left', TIMEOUT, async () => {
  const ROUNDS = shortOrLong(3, 40);
  const world = await startWorld({ agents: 3, lateAgents: 2, instances: 34, concurrency: 1, leaseMs: 2_000 });
  const { agents, group } = world;
  const client = await world.startClient({ concurrency: 8, requests: [{ method: 'GET', workMs: 10 }] });
  const random = createRandom(200);
  const changing = agents.slice(1);
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(changing.map((agent) => agent.start()));
    await world.expectServing(5_000);
    await Promise.all(changing.map((agent) => agent.kill(random() < 0.5 ? 'SIGKILL' : 'SIGTERM')));
  }
  await client.stop();
  await agents[0]?.kill('SIGTERM');

  // A killed agent's requests run again elsewhere.
  expect(Object.keys(world.record.tally())).toEqual(['answered 200']);
  await world.expectPromisesKept();
  await withRedis(world.redis.url, async (redis) => {
    const key = (name: string) => `mr:{${group}}:${name}`;
    // Those that were killed last are missed when their lease ends.
    const isEmpty = async () => {
      const instances = await redis.zcard(key('instances'));
      const hashes = ['slots', 'reports', 'agent-slots'].map((name) => redis.hlen(key(name)));
      return [instances, ...(await Promise.all(hashes))].every((size) => size === 0);
    };
    await waitFor(isEmpty, { what: 'the instances to go' });
    expect(await redis.hvals(key('lanes'))).toSatisfy((slots: string[]) => slots.every((n) => n === '0'));
  });
});

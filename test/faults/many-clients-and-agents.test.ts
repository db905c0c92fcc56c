import { expect, test } from 'vitest';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { withRedis } from '../support/parts.ts';
import { TELLS_MEMORY, memoryOf, MIB } from '../support/memory.ts';
import { quantile } from '../support/quantile.ts';
import { createRandom } from '../support/random.ts';
import { waitFor } from '../support/wait.ts';
import { IS_LONG, shortOrLong, TIMEOUT } from './support/form.ts';
import { startWorld } from './support/start-world.ts';
import type { World } from './support/world.ts';

const SLOW_CLIENTS = shortOrLong(50, 200);

/** Clients that read 10 KB/s of 50 MB, until they leave. Resolves with the most that Redis held meanwhile, bytes. */
async function readSlowly(world: World, leaveAfterMs: number): Promise<number> {
  const client = await world.startClient({
    concurrency: SLOW_CLIENTS,
    count: SLOW_CLIENTS,
    requests: [{ method: 'GET', replyBytes: 50_000_000, readBytesPerS: 10_000, leaveAfterMs }],
  });
  const isOver = { yet: false };
  void client.done.then(() => (isOver.yet = true));
  let most = 0;
  await withRedis(world.redis.url, async (redis) => {
    while (!isOver.yet) {
      most = Math.max(most, Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]));
      await sleep(100);
    }
  });
  await client.done;
  return most;
}

test.skipIf(!TELLS_MEMORY)(
  '200 clients that read slowly: memory is bounded by their windows',
  TIMEOUT,
  async () => {
    const world = await startWorld({ agents: 1, concurrency: SLOW_CLIENTS, deadlineMs: 120_000 });
    const parts = [...world.hubs, ...world.agents];
    const memories = () => parts.map(({ process }) => memoryOf(process.pid));
    const before = memories();
    const inRedis = await readSlowly(world, 10_000);

    // A window of 1 MiB each way, and what sockets buffer; a heap with garbage in it may be three times what is in use.
    const windows = SLOW_CLIENTS * MIB;
    const grown = memories().map(({ highest }, i) => highest - (before[i]?.now ?? 0));
    expect(Math.max(...grown)).toBeLessThan(3 * windows + 150 * MIB);
    expect(inRedis).toBeLessThan(1.5 * windows + 20 * MIB);
    expect(inRedis).toBeGreaterThan(windows / 4);

    // Node keeps the memory that so many took. Those that come later make do with it.
    for (const part of parts) part.acceptUse();
    await readSlowly(world, shortOrLong(3_000, 60_000));
    expect(world.record.tally()).toEqual({ 'left 200': 2 * SLOW_CLIENTS });
    await world.expectPromisesKept();
  },
);

test.skipIf(!IS_LONG)('others hardly notice 200 clients that read slowly', TIMEOUT, async () => {
  const world = await startWorld({ agents: 1, concurrency: SLOW_CLIENTS + 10, deadlineMs: 120_000 });
  const others = (name: string) =>
    world.startClient({
      name,
      concurrency: 4,
      keepAlive: true,
      requests: [{ method: 'GET', workMs: 20, replyBytes: 1_000 }],
    });
  const before = await others('before');
  await sleep(20_000);
  await before.stop();
  const crowd = readSlowly(world, 40_000);
  // First their windows are filled, as fast as the machine can: 200 MiB, for which others wait.
  await sleep(8_000);
  const during = await others('during');
  await crowd;
  await during.stop();

  const p99 = (name: string) =>
    quantile(
      world.record.times(({ id }) => id.startsWith(name)),
      0.99,
    );
  const [alone, beside] = [p99('before'), p99('during')];
  console.log(`99 % within ${alone.toFixed(1)} ms alone, ${beside.toFixed(1)} ms beside the slow ones`);
  // Promised are 20 %. The clients that read slowly, and the upstream that feeds them, have a share of the same two cores.
  expect(beside).toBeLessThan(1.2 * alone + 10);
  for (const part of [...world.hubs, ...world.agents]) part.acceptUse();
  await world.expectPromisesKept();
});

test('200 agents join, leave and are killed: nothing of them is left', TIMEOUT, async () => {
  const ROUNDS = shortOrLong(3, 40);
  const world = await startWorld({
    agents: 3,
    lateAgents: 2,
    instances: 34,
    concurrency: 1,
    leaseMs: 2_000,
    // Chance may lead a request to one agent after the other that is killed.
    hubFlags: ['--attempts', '5'],
  });
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

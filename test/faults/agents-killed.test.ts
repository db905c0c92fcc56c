import { expect, test } from 'vitest';
import { createRandom, pickOne } from '../support/random.ts';
import { waitFor } from '../support/wait.ts';
import { clockMs } from './programs/history.ts';
import { mostAtOnce } from './support/calls-at-once.ts';
import { shortOrLong, SLACK_MS, TIMEOUT } from './support/form.ts';
import type { Part } from './support/part.ts';
import { startWorld } from './support/start-world.ts';
import type { World } from './support/world.ts';

/** Kills an agent in the middle of a call, and starts it again; then some requests are to be answered. */
async function killBusyAgent(world: World, agent: Part): Promise<void> {
  const { record } = world;
  await waitFor(() => record.running().some((call) => call.agent === agent.name), {
    what: `${agent.name} to call its upstream`,
    timeoutMs: 20_000,
  });
  await agent.kill();
  await agent.start();
  await world.expectServing(10_000, 4);
}

test('an agent is killed with 50 GETs in flight: others answer them all', TIMEOUT, async () => {
  const world = await startWorld({ agents: 3, lateAgents: 2, concurrency: 50 });
  const { agents, record, leaseMs } = world;
  const client = await world.startClient({
    concurrency: 50,
    count: 50,
    requests: [{ method: 'GET', workMs: 7_000 }],
  });
  await world.waitForRunning(50);
  await Promise.all([agents[1]?.start(), agents[2]?.start()]);

  const killedAt = clockMs();
  await agents[0]?.kill();
  await client.done;

  expect(record.tally()).toEqual({ 'answered 200': 50 });
  const again = record.executions().filter(({ agent }) => agent !== 'agent-1');
  expect(again).toHaveLength(50);
  const lastAt = Math.max(...again.map(({ startAt }) => startAt));
  expect(lastAt - killedAt).toBeLessThan(leaseMs + 1_000 + SLACK_MS);
  await world.expectPromisesKept();
});

test(
  'agents are killed with POSTs in flight: those get 502 agent-lost and never run again',
  TIMEOUT,
  async () => {
    const world = await startWorld({ agents: 3, concurrency: 6 });
    const requests = [{ method: 'POST', workMs: [50, 300], bodyBytes: [0, 2_000] }] as const;
    const client = await world.startClient({ concurrency: 14, requests });
    const random = createRandom(3);
    const kills = shortOrLong(4, 200);
    for (let kill = 0; kill < kills; kill++) await killBusyAgent(world, pickOne(world.agents, random));
    await client.stop();

    // The checker first: it says what is wrong, the counts only that something is.
    await world.expectPromisesKept();
    const {
      'answered 200': answered = 0,
      'answered 502 agent-lost': lost = 0,
      ...other
    } = world.record.tally();
    expect(other).toEqual({});
    expect(answered).toBeGreaterThan(kills);
    expect(lost).toBeGreaterThanOrEqual(kills);
  },
);

test('8 agents are killed at random: a limit of 16 is reached and never exceeded', TIMEOUT, async () => {
  const limit = 16;
  const hubFlags = ['--group-concurrency', String(limit), '--attempts', '4'];
  const world = await startWorld({ hubs: 2, agents: 8, concurrency: 4, hubFlags });
  await world.startClient({
    concurrency: 40,
    requests: [
      // Long beside what passes between two requests on a busy machine: else the limit is hardly ever reached.
      { method: 'GET', workMs: [100, 600] },
      { method: 'POST', workMs: [100, 600], bodyBytes: 100 },
    ],
  });
  // A request of an agent that was killed keeps its permit for a lease: the limit is reached before the first kill, or hardly ever.
  // Only the times of calls that are over are known exactly.
  const finished = () => world.record.executions().filter(({ end }) => end?.how === 'finished');
  const isReached = () => mostAtOnce(finished()).running === limit;
  await waitFor(isReached, { what: 'the limit to be reached', timeoutMs: 30_000 });
  const random = createRandom(16);
  const kills = shortOrLong(4, 150);
  for (let kill = 0; kill < kills; kill++) await killBusyAgent(world, pickOne(world.agents, random));

  await world.expectPromisesKept({ limit });
  expect(mostAtOnce(world.record.executions()).running).toBe(limit);
});

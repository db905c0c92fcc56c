import { expect, test } from 'vitest';
import { createRandom } from '../support/random.ts';
import { clockMs } from './programs/history.ts';
import { nameHostileGroups, startHostility } from './support/hostile-groups.ts';
import { doRandomFaults } from './support/random-faults.ts';
import { startWorld } from './support/start-world.ts';

// Random faults, each epoch in a world of its own, for as long as `npm run soak -- --minutes N` asks. All the time a thief has the
// token of another group, and the upstream of a third one is hostile: neither may make a difference.

const MINUTES = Number(process.env['FAULTS_MINUTES'] ?? '0.2');
const SEED = Number(process.env['FAULTS_SEED'] ?? '1');
/** Longer ones would only fill memory with histories. */
const EPOCH_MS = Math.min(60_000, MINUTES * 60_000);
const EPOCHS = Math.max(1, Math.round((MINUTES * 60_000) / EPOCH_MS));

const LIMIT = 10;
const LEASE_MS = 2_000;

const seeds = Array.from({ length: EPOCHS }, (_, epoch) => SEED + epoch);
test.each(seeds)(
  'random faults, seed %i: every promise is kept',
  { timeout: EPOCH_MS + 120_000 },
  async (seed) => {
    const others = nameHostileGroups();
    const hubFlags = ['--group-concurrency', String(LIMIT), '--queue-wait', '5s', ...others.flags];
    const world = await startWorld({
      hubs: 2,
      agents: 3,
      upstreams: 2,
      concurrency: 4,
      proxied: true,
      hubFlags,
      leaseMs: LEASE_MS,
      deadlineMs: 8_000,
      redis: { appendOnly: true },
    });
    await world.startClient({
      concurrency: 20,
      seed,
      requests: [
        { method: 'GET', weight: 4, workMs: [0, 200], replyBytes: [0, 20_000] },
        { method: 'GET', workMs: [0, 50], replyBytes: [0, 3_000_000], replyMs: [0, 500] },
        { method: 'POST', weight: 6, workMs: [0, 200], bodyBytes: [0, 5_000] },
        { method: 'POST', weight: 2, workMs: [0, 50], bodyBytes: [60_000, 2_000_000], bodyMs: [0, 300] },
        { method: 'PUT', workMs: [0, 200], bodyBytes: [0, 5_000] },
        { method: 'POST', workMs: [0, 500], bodyBytes: [0, 5_000], leaveAfterMs: [0, 400] },
        { method: 'GET', replyBytes: 500_000, replyMs: 500, leaveAfterMs: [0, 600] },
      ],
    });
    await world.expectServing(10_000);
    const hostility = await startHostility(world, others, seed);
    const { names, agentsCutOff, hubsCutOff } = await doRandomFaults(
      world,
      createRandom(seed),
      clockMs() + EPOCH_MS,
    );
    const thefts = await hostility.stop();
    console.log(`seed ${seed}: ${names.join(', ')}\n${JSON.stringify(world.record.tally())}`);
    console.log(`the thief: ${thefts.join(', ')}`);
    await world.expectServing(15_000);

    await world.expectPromisesKept({
      limit: LIMIT,
      limitMayBreak: agentsCutOff,
      startsMayBeLate: hubsCutOff,
      // A hub that was killed is missed after two thirds of the lease, by the sweep of another one.
      startLateMs: (LEASE_MS * 2) / 3 + 1_000,
      // The group of the thief is found faulty, and nothing else is.
      mayLog: new RegExp(`Redis refuses requests|"group":"${others.stolen}".*the group is faulty`),
    });
    expect(thefts.length).toBeGreaterThan(1);
    expect(names.length).toBeGreaterThan(1);
  },
);

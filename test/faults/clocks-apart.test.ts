import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mostAtOnce } from './support/calls-at-once.ts';
import { SLACK_MS, TIMEOUT } from './support/form.ts';
import { startWorld } from './support/start-world.ts';
import { clockMs } from './programs/history.ts';

/** Where Debian, Fedora and Homebrew put it; `FAKETIME_LIBRARY` says it otherwise. */
function findFaketime(): string | undefined {
  const folders = ['/usr/lib/faketime', '/usr/lib64/faketime', '/usr/local/lib/faketime'];
  if (existsSync('/usr/lib'))
    folders.push(...readdirSync('/usr/lib').map((name) => join('/usr/lib', name, 'faketime')));
  const files = [
    process.env['FAKETIME_LIBRARY'] ?? '',
    ...folders.map((folder) => join(folder, 'libfaketime.so.1')),
  ];
  return files.find((file) => file !== '' && existsSync(file));
}

const OFFSETS: Record<string, string> = { 'agent-1': '+90s', 'agent-2': '-90s', 'hub-1': '+1h' };
const faketime = findFaketime();

test('clocks are minutes and an hour apart: limits, leases and deadlines hold', TIMEOUT, async ({ skip }) => {
  if (faketime === undefined) skip('libfaketime is not installed: clocks cannot be set apart');
  const env = (part: string) => {
    const offset = OFFSETS[part];
    const all = {
      LD_PRELOAD: faketime,
      FAKETIME: offset,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    };
    return offset === undefined ? {} : all;
  };
  const limit = 6;
  const hubFlags = ['--group-concurrency', String(limit)];
  const world = await startWorld({ hubs: 2, agents: 3, concurrency: 4, hubFlags, env });
  const { agents, record, leaseMs } = world;
  await world.startClient({
    concurrency: 12,
    requests: [{ method: 'POST', workMs: [50, 150], bodyBytes: 100 }],
  });
  await world.expectServing(10_000, 100);
  for (const agent of agents.slice(0, 2)) {
    await world.waitForRunning(3, (call) => call.agent === agent.name);
    const killedAt = clockMs();
    await agent.kill();
    // Its requests are given up when its lease ends by Redis's clock: neither at once nor minutes later.
    await world.waitForOutcome(({ error, at }) => error === 'agent-lost' && at > killedAt);
    const lost = record.outcomes().filter(({ error, at }) => error === 'agent-lost' && at > killedAt);
    const afterMs = Math.min(...lost.map(({ at }) => at)) - killedAt;
    expect(afterMs).toBeGreaterThan(leaseMs / 2);
    expect(afterMs).toBeLessThan(leaseMs + 1_000 + SLACK_MS);
    await agent.start();
    await world.expectServing(5_000, 20);
  }
  await world.expectPromisesKept({ limit });
  expect(Object.keys(record.tally()).sort()).toEqual(['answered 200', 'answered 502 agent-lost']);
  expect(mostAtOnce(record.executions()).running).toBe(limit);
});

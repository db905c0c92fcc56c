import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { monitorCommands } from '../support/monitor.ts';
import { agentHere, redisHere, upstreamHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';

const INSTANCES = 60;
/** A beat is due every 2 s at most with the lease that a group has by default. */
const MOST_APART_MS = 2_000;

test('instances that started together do not beat together, and none beats late', async () => {
  const redis = await redisHere();
  const group = uniqueGroup();
  const upstream = await upstreamHere((_req, res) => res.end());
  await agentHere(redis.url, group, Array<string>(INSTANCES).fill(upstream.url));
  const commands = await monitorCommands(redis.port);
  await delay(4 * MOST_APART_MS);

  const beatsOf = new Map<string, number[]>();
  const isBeat = new RegExp(
    `^\\+(\\d+\\.\\d+) \\[\\d+ lua\\] "ZADD" "mr:\\{${group}\\}:instances" (?:"XX" "CH" )?"\\d+" "([^"]+)"`,
  );
  for (const line of commands) {
    const [, seconds, instance = ''] = isBeat.exec(line) ?? [];
    if (seconds) beatsOf.set(instance, [...(beatsOf.get(instance) ?? []), Number(seconds) * 1_000]);
  }
  expect(beatsOf.size).toBe(INSTANCES);

  const gaps = [...beatsOf.values()].flatMap((times) => times.slice(1).map((ms, i) => ms - (times[i] ?? 0)));
  // With some time for a timer that fires late on a busy machine.
  expect(Math.max(...gaps)).toBeLessThan(MOST_APART_MS + 1_000);
  expect(Math.min(...gaps)).toBeGreaterThan(MOST_APART_MS / 2);

  const last = [...beatsOf.values()].map((times) => times.at(-1) ?? 0);
  const near = (ms: number) => last.filter((other) => Math.abs(other - ms) < 50).length;
  expect(Math.max(...last.map(near))).toBeLessThan(INSTANCES / 2);
});

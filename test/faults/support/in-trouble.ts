import { expect } from 'vitest';
import { startWorld, type WorldOptions } from './start-world.ts';
import type { World } from './world.ts';

/** Two hubs and two agents under a load of small and large requests and replies, for something to happen to their Redis. */
export async function startUnderLoad(options: WorldOptions): Promise<World> {
  const world = await startWorld({ hubs: 2, agents: 2, concurrency: 4, deadlineMs: 8_000, ...options });
  await world.startClient({
    concurrency: 10,
    requests: [
      { method: 'POST', weight: 3, workMs: [0, 30], bodyBytes: [0, 3_000], replyBytes: [0, 3_000] },
      { method: 'POST', workMs: [0, 30], bodyBytes: [70_000, 300_000], bodyMs: 20 },
      { method: 'GET', workMs: [0, 30], replyBytes: [0, 300_000], replyMs: 20 },
    ],
  });
  await world.expectServing(10_000, 30);
  return world;
}

/** One of the answers that a client may get while Redis is in trouble, each with what it says of the execution. */
const HONEST = /^(answered 200|answered 50[234] [a-z-]+|broken (0|200))$/;

/** Promises were kept, and clients got no other answers. Resolves with how many of each kind. */
export async function expectHonest(world: World): Promise<Record<string, number>> {
  await world.expectPromisesKept();
  const kinds = world.record.tally();
  expect(Object.keys(kinds).filter((kind) => !HONEST.test(kind))).toEqual([]);
  return kinds;
}

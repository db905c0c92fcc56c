import { expect } from 'vitest';
import { sleep } from '../../../router-core/runtime/backoff.ts';
import { ask } from '../../support/ask.ts';
import { MIB } from '../../support/memory.ts';
import { agentProcess } from '../../support/parts.ts';
import { createRandom, pickOne } from '../../support/random.ts';
import { uniqueGroup } from '../../support/router.ts';
import { hostileUpstreamHere } from './hostile-upstream.ts';
import { Part } from './part.ts';
import { useOf } from './process-use.ts';
import { checkProcesses } from './remains.ts';
import { thieve } from './soak-thief.ts';
import type { World } from './world.ts';

/** Two groups beside the one whose promises are checked: a thief has the token of one, the other's upstream is hostile. */
export interface HostileGroups {
  readonly stolen: string;
  readonly hostile: string;
  /** For the hubs. */
  readonly flags: readonly string[];
}

export function nameHostileGroups(): HostileGroups {
  const [stolen, hostile] = [`stolen-${uniqueGroup()}`, `hostile-${uniqueGroup()}`];
  return { stolen, hostile, flags: ['--group', `${stolen}=/stolen/*`, '--group', `${hostile}=/hostile/*`] };
}

/** The most memory of a hub: its code, and everything that its clients and groups may make it hold. */
const MOST_HUB_MIB = 400;

/**
 * Clients of both groups, the thief, and an honest agent before the hostile upstream. `stop` ends them, and fails when a hub grew,
 * a request of them hung, or the honest agent could not bear its upstream.
 */
export async function startHostility(
  world: World,
  { stolen, hostile }: HostileGroups,
  seed: number,
): Promise<{ stop(): Promise<string[]> }> {
  const over = new AbortController();
  const { signal } = over;
  const upstream = await hostileUpstreamHere(createRandom(seed + 1));
  const start = () =>
    agentProcess(world.redis.url, hostile, upstream, {
      name: 'beside-hostile',
      flags: ['--concurrency', '8', '--drain', '1s'],
      waitUntilJoined: false,
    });
  const agent = new Part({ name: 'agent of the hostile upstream', start, mayKeep: Infinity });
  await agent.start();
  const hung: string[] = [];
  const asking = [...Array<string>(4).fill('hostile'), ...Array<string>(3).fill('stolen')].map((path, i) =>
    keepAsking({ world, path, random: createRandom(seed + 10 + i), hung, signal }),
  );
  const watching = watchHubs(world, signal);
  const thieving = thieve(world, stolen, createRandom(seed + 2), signal);
  return {
    async stop() {
      over.abort();
      await Promise.all(asking);
      expect(await watching, 'MiB that a hub used at most').toBeLessThan(MOST_HUB_MIB);
      expect(hung).toEqual([]);
      expect(checkProcesses(agent.records())).toEqual([]);
      return thieving;
    },
  };
}

interface Asking {
  readonly world: World;
  readonly path: string;
  readonly random: () => number;
  readonly hung: string[];
  readonly signal: AbortSignal;
}

/** How each ends is up to whoever answers it; but each ends. */
async function keepAsking({ world, path, random, hung, signal }: Asking): Promise<void> {
  while (!signal.aborted) {
    const url = `${pickOne(world.hubUrls, random)}/${path}/x`;
    const method = pickOne(['GET', 'POST', 'PUT'], random);
    const body = method === 'GET' ? undefined : 'b'.repeat(Math.floor(random() ** 4 * 200_000));
    const timeoutMs = world.deadlineMs + 5_000;
    const { outcome } = await ask(url, { method, timeoutMs, ...(body === undefined ? {} : { body }) });
    if (outcome === 'hung') hung.push(`${method} ${url} at ${new Date().toISOString()}`);
    await sleep(20 + random() * 100, signal);
  }
}

/** Resolves with the most that any hub has used, MiB. */
async function watchHubs({ hubs }: World, signal: AbortSignal): Promise<number> {
  let most = 0;
  while (!signal.aborted) {
    for (const hub of hubs) most = Math.max(most, (hub.runs && useOf(hub.process.pid)?.rss) || 0);
    await sleep(200, signal);
  }
  return most / MIB;
}

import { sleep } from '../../../router-core/runtime/backoff.ts';
import { withRedis } from '../../support/parts.ts';
import { pickOne } from '../../support/random.ts';
import { clockMs } from '../programs/history.ts';
import type { Faults } from './faulty-line.ts';
import type { World } from './world.ts';

interface Fault {
  readonly name: string;
  /** It may keep an agent from Redis for longer than its lease: see `limitMayBreak` of the checker's rules. */
  readonly cutsAgentsOff?: boolean;
  /** It may keep hubs from Redis until so long after it is over: see `startsMayBeLate`. */
  readonly cutsHubsOffMs?: number;
  /** Does it, and mends it again. */
  readonly run: (world: World, random: () => number, note: (detail: string) => void) => Promise<void>;
}

const between = (random: () => number, from: number, to: number) => from + random() * (to - from);

/** Until connections are made again: the longest pause between two tries, and one try that comes to nothing. */
const DIAL_MS = 2_500;
const TIMEOUT_MS = 4_000;

/** Hubs may stand still for less than what an outcome may be late; agents for longer than their lease. */
const FREEZE_MS = { hub: 700, agent: 4_000, redis: 4_000 };

function restart(which: 'hubs' | 'agents', signal: NodeJS.Signals): Fault['run'] {
  return async (world, random, note) => {
    const part = pickOne(world[which], random);
    note(part.name);
    await part.kill(signal);
    await sleep(between(random, 0, 1_500));
    await part.start();
  };
}

function freeze(which: 'hubs' | 'agents', maxMs: number): Fault['run'] {
  return async (world, random, note) => {
    const part = pickOne(world[which], random);
    note(part.name);
    await part.process.kill('SIGSTOP');
    await sleep(between(random, 100, maxMs));
    await part.process.kill('SIGCONT');
  };
}

/** Does something to the line between Redis and one hub or agent, or all of them. */
function trouble(make: (random: () => number) => Partial<Faults>, maxMs: number): Fault['run'] {
  return async ({ hubs, agents }, random, note) => {
    const all = [...hubs, ...agents];
    const parts = random() < 0.3 ? all : [pickOne(all, random)];
    const faults = make(random);
    note(`${parts.map(({ name }) => name).join(', ')} ${JSON.stringify(faults)}`);
    for (const { proxy } of parts) proxy.set(faults);
    await sleep(between(random, 200, maxMs));
    for (const { proxy } of parts)
      proxy.set({ latencyMs: 0, bytesPerS: 0, refusing: false, halfOpen: false });
  };
}

const FAULTS: Fault[] = [
  { name: 'agent killed', run: restart('agents', 'SIGKILL') },
  { name: 'agent stopped', run: restart('agents', 'SIGTERM') },
  {
    name: 'agent frozen',
    cutsAgentsOff: true,
    run: freeze('agents', FREEZE_MS.agent),
  },
  { name: 'hub killed', run: restart('hubs', 'SIGKILL') },
  { name: 'hub frozen', run: freeze('hubs', FREEZE_MS.hub) },
  {
    name: 'upstream killed',
    run: async (world, random, note) => {
      const index = Math.floor(random() * world.upstreams.length);
      note(world.upstreams[index]?.name ?? '');
      await world.killUpstream(index);
      await sleep(between(random, 0, 1_000));
      await world.upstreams[index]?.start();
    },
  },
  {
    name: 'Redis killed',
    cutsHubsOffMs: DIAL_MS,
    run: async ({ redis }, random, note) => {
      note('begins');
      await redis.kill('SIGKILL');
      await sleep(between(random, 0, 2_000));
      await redis.restart();
    },
  },
  {
    name: 'Redis frozen',
    cutsHubsOffMs: TIMEOUT_MS + DIAL_MS,
    run: async ({ redis }, random, note) => {
      note('begins');
      await redis.kill('SIGSTOP');
      await sleep(between(random, 100, FREEZE_MS.redis));
      await redis.kill('SIGCONT');
    },
  },
  {
    name: 'doorbells lost',
    run: ({ redis }) =>
      withRedis(redis.url, async (client) => void (await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub'))),
  },
  {
    name: 'line cut',
    cutsHubsOffMs: DIAL_MS,
    run: ({ hubs, agents }, random) => Promise.resolve(pickOne([...hubs, ...agents], random).proxy.cut()),
  },
  {
    name: 'line reset behind a byte',
    cutsHubsOffMs: DIAL_MS,
    run: async ({ hubs, agents }, random, note) => {
      const { name, proxy } = pickOne([...hubs, ...agents], random);
      note(name);
      // Less may come than wanted while something else is out of order.
      await Promise.race([proxy.resetAfter(1 + Math.floor(random() ** 3 * 50_000)), sleep(3_000)]);
    },
  },
  { name: 'line late', run: trouble((random) => ({ latencyMs: between(random, 5, 300) }), 3_000) },
  {
    name: 'line slow',
    cutsHubsOffMs: 1_000,
    run: trouble((random) => ({ bytesPerS: between(random, 50_000, 1_000_000) }), 3_000),
  },
  {
    name: 'line refused',
    cutsHubsOffMs: DIAL_MS,
    cutsAgentsOff: true,
    run: trouble(() => ({ refusing: true }), 3_000),
  },
  {
    name: 'line half-open',
    cutsHubsOffMs: TIMEOUT_MS + DIAL_MS,
    cutsAgentsOff: true,
    run: trouble(() => ({ halfOpen: true }), 5_000),
  },
];

/** The faults so far, and when they may have cut agents and hubs off. */
export interface FaultsDone {
  readonly names: string[];
  readonly agentsCutOff: [number, number][];
  readonly hubsCutOff: [number, number][];
}

/** Does one thing after the other until `untilMs` on the histories' clock. */
export async function doRandomFaults(
  world: World,
  random: () => number,
  untilMs: number,
): Promise<FaultsDone> {
  const names: string[] = [];
  const agentsCutOff: [number, number][] = [];
  const hubsCutOff: [number, number][] = [];
  while (clockMs() < untilMs) {
    const fault = pickOne(FAULTS, random);
    const from = clockMs();
    names.push(fault.name);
    await fault.run(world, random, (detail) => world.record.noteFault(`${fault.name}: ${detail}`));
    world.record.noteFault(`${fault.name}: over`);
    // An agent hears of its loss when it next gets through, after up to one command's time.
    if (fault.cutsAgentsOff) agentsCutOff.push([from, clockMs() + TIMEOUT_MS + 2 * world.leaseMs]);
    if (fault.cutsHubsOffMs !== undefined) hubsCutOff.push([from, clockMs() + fault.cutsHubsOffMs]);
    await sleep(between(random, 0, 1_500));
  }
  return { names, agentsCutOff, hubsCutOff };
}

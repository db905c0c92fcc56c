import type { Redis } from 'ioredis';
import { encodeFrame, FENCE, movedFrame } from '../../exchange/frames.ts';
import type { GroupKeys } from '../scripts/keys.ts';
import type { GroupQueue } from './group-queue.ts';
import { groupScript } from '../scripts/script-keys.ts';
import { loadScript, runScript } from '../connection/run-script.ts';
import { hubLeaseMs } from '../scripts/times.ts';

export interface Orphan {
  readonly id: string;
  readonly attempt: number;
  /**
   * moved = runs again, returned = nobody had pulled it and it is in line again, lost = may have run and must not again,
   * exhausted = no attempt left, dropped = nobody awaits it.
   */
  readonly outcome: 'moved' | 'returned' | 'lost' | 'exhausted' | 'dropped';
}

export interface SweepReport {
  /** Live instances of the group. */
  readonly instances: number;
  /** Requests that waited for a slot. */
  readonly inLine: number;
  /** Live hubs. */
  readonly hubs: number;
  /** When the data of the group began. */
  readonly born: string;
  readonly capacity: GroupCapacity;
  /** By the clock of Redis, ms. */
  readonly at: number;
  /** False while Redis has stood still lately: then nobody is taken for dead. */
  readonly leasesCount: boolean;
  readonly recovered: Orphan[];
}

/** Why a request may have to wait. */
export interface GroupCapacity {
  /** Of all instances that take requests, and how many requests have one. */
  readonly slots: number;
  readonly taken: number;
  /** Requests that may run at once; 0 = no limit. And those that do. */
  readonly limit: number;
  readonly permits: number;
  readonly isPaused: boolean;
  /** Instances by what they say of themselves; only counted when somebody waits or there is no slot. */
  readonly ready: number;
  readonly upstreamDown: number;
  readonly paused: number;
  readonly draining: number;
}

/** Before the first sweep. */
export const NO_SWEEP: Omit<SweepReport, 'recovered'> = {
  instances: 0,
  inLine: 0,
  hubs: 1,
  born: '',
  ...numbersOf(''),
};

export interface SweepOptions {
  readonly client: Redis;
  readonly keys: GroupKeys;
  readonly queue: GroupQueue;
  readonly hub: string;
  readonly leaseMs: number;
}

const scripts = { sweep: loadScript('sweep'), recover: loadScript('recover') };

/** One sweep of one group, see sweep.lua and recover.lua. Any number of hubs may do it at the same time. */
export async function sweepGroup(options: SweepOptions): Promise<SweepReport> {
  const { client, keys, queue, hub, leaseMs } = options;
  const told = queue.script;
  const [instances, inLine, hubs, lanes, born, numbers, ...orphans] = (await runScript(
    client,
    scripts.sweep,
    [...told.keys, keys.slots, keys.agentSlots, keys.instances, keys.reports],
    [...told.args, hub, hubLeaseMs(leaseMs)],
  )) as [number, number, number, string[], string, string, ...string[]];
  queue.learn(lanes, born);
  const recovered: Orphan[] = [];
  for (let i = 0; i + 2 < orphans.length; i += 3) {
    const [lane = '', entry = '', meta = ''] = orphans.slice(i, i + 3);
    const orphan = await recover(options, lane, entry, meta);
    if (orphan) recovered.push(orphan);
  }
  return { instances, inLine, hubs, born, ...numbersOf(numbers), recovered };
}

/** As sweep.lua writes them. */
function numbersOf(text: string): Pick<SweepReport, 'at' | 'leasesCount' | 'capacity'> {
  const parsed = text.split(' ').map(Number);
  const number = (i: number) => (Number.isSafeInteger(parsed[i]) ? (parsed[i] ?? 0) : 0);
  return {
    at: number(0),
    leasesCount: number(1) === 1,
    capacity: {
      slots: number(2),
      taken: number(3),
      limit: number(4),
      permits: number(5),
      isPaused: number(6) === 1,
      ready: number(7),
      upstreamDown: number(8),
      paused: number(9),
      draining: number(10),
    },
  };
}

async function recover(
  { client, keys }: SweepOptions,
  lane: string,
  entry: string,
  meta: string,
): Promise<Orphan | undefined> {
  const [id = '', attemptText] = meta.split(' ');
  const attempt = Number(attemptText);
  const told = groupScript(keys, [lane]);
  const frame = (code: string) => encodeFrame(id, attempt, FENCE, { failed: `${code}\nlease ended` });
  const outcome = await runScript(
    client,
    scripts.recover,
    [...told.keys, ...[keys.dead, keys.up(id), keys.down(id, attempt)]],
    [
      ...told.args,
      ...[entry, movedFrame(id, attempt), movedFrame(id, attempt, 'unstarted', 'its agent has gone')],
      ...[frame('agent-lost'), frame('attempts-exhausted')],
      'agent lost on every attempt',
    ],
  );
  return outcome === 'alive' ? undefined : { id, attempt, outcome: outcome as Orphan['outcome'] };
}

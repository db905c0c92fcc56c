import type { Redis } from 'ioredis';
import { encodeFrame, FENCE } from '../../exchange/frames.ts';
import type { GroupKeys } from '../scripts/keys.ts';
import type { GroupQueue } from './group-queue.ts';
import { groupScript } from '../scripts/script-keys.ts';
import { loadScript, runScript } from '../connection/run-script.ts';
import { hubLeaseMs, streamTtlMs } from '../scripts/times.ts';

export interface Orphan {
  readonly id: string;
  readonly attempt: number;
  /** moved = runs again, lost = may have run and must not again, exhausted = no attempt left, dropped = nobody awaits it. */
  readonly outcome: 'moved' | 'lost' | 'exhausted' | 'dropped';
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
  readonly recovered: Orphan[];
}

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
  const [instances, inLine, hubs, lanes, born, ...orphans] = (await runScript(
    client,
    scripts.sweep,
    [...told.keys, keys.slots, keys.agentSlots, keys.instances, keys.reports],
    [...told.args, hub, hubLeaseMs(leaseMs)],
  )) as [number, number, number, string[], string, ...string[]];
  queue.learn(lanes, born);
  const recovered: Orphan[] = [];
  for (let i = 0; i + 2 < orphans.length; i += 3) {
    const [lane = '', entry = '', meta = ''] = orphans.slice(i, i + 3);
    const orphan = await recover(options, lane, entry, meta);
    if (orphan) recovered.push(orphan);
  }
  return { instances, inLine, hubs, born, recovered };
}

async function recover(
  { client, keys, leaseMs }: SweepOptions,
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
      ...[entry, streamTtlMs(leaseMs)],
      ...[encodeFrame(id, attempt, FENCE, { stop: true }), frame('agent-lost'), frame('attempts-exhausted')],
      'agent lost on every attempt',
    ],
  );
  return outcome === 'alive' ? undefined : { id, attempt, outcome: outcome as Orphan['outcome'] };
}

import type { Redis } from 'ioredis';
import type { LastSweep, OrphanOutcome } from '../../exchange/group-view.ts';
import { encodeFrame, FENCE, movedFrame } from '../../exchange/frames.ts';
import { listOf, textOf, wholeOf, wordOf, BadReplyError } from '../connection/reply-shape.ts';
import type { GroupKeys } from '../scripts/keys.ts';
import { isLaneName, laneNames } from '../scripts/lane-names.ts';
import { decodeMeta } from '../scripts/meta.ts';
import type { GroupQueue } from './group-queue.ts';
import { groupScript, scopesOfLanes } from '../scripts/script-keys.ts';
import { loadScript, runScript } from '../connection/run-script.ts';
import { hubLeaseMs } from '../scripts/times.ts';

const OUTCOMES: readonly OrphanOutcome[] = ['moved', 'returned', 'lost', 'exhausted', 'dropped'];

export interface Orphan {
  readonly id: string;
  readonly attempt: number;
  readonly outcome: OrphanOutcome;
}

/** A request whose agent has let its lease end, or for which its lane has no slot any more. */
interface Found {
  readonly lane: string;
  readonly entry: string;
  readonly meta: string;
}

export interface Swept extends LastSweep {
  /** The epoch of the group's data. */
  readonly epoch: string;
  /** By the clock of Redis, ms. */
  readonly at: number;
  /** False while Redis has stood still lately: then nobody counts as dead. */
  readonly leasesCount: boolean;
}

export interface SweepReport extends Swept {
  readonly recovered: Orphan[];
  /** How long the sweep held Redis up, ms. */
  readonly tookMs: number;
  /** It has left work for the next one: requests that may be handed out, or orphans. */
  readonly hasMore: boolean;
}

/** The report before the first sweep. */
export const NO_SWEEP: Omit<SweepReport, 'recovered'> = {
  instances: 0,
  inLine: 0,
  hubs: 1,
  epoch: '',
  tookMs: 0,
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

/** Each scope has a line of its own, which every script looks at. */
const MOST_SCOPES = 512;

/** One sweep of one group, see sweep.lua and recover.lua. Any number of hubs may do it at the same time. */
export async function sweepGroup(options: SweepOptions): Promise<SweepReport> {
  const { client, keys, queue, hub, leaseMs } = options;
  const groupInput = queue.script;
  // The reply comes right before the script runs, so the time until the script's reply is the time of the script.
  const before = client.ping().then(() => performance.now());
  const swept = runScript(
    client,
    scripts.sweep,
    [...groupInput.keys, keys.slots, keys.agentSlots, keys.instances, keys.reports],
    [...groupInput.args, hub, hubLeaseMs(leaseMs)],
  ).then((reply) => ({ reply, at: performance.now() }));
  const [startedAt, { reply, at }] = await Promise.all([before, swept]);
  const found = decodeSweep(reply, keys.lanes);
  if (!found || scopesOfLanes(found.lanes).length > MOST_SCOPES) throw new BadReplyError('sweep');
  const { orphans, lanes, ...rest } = found;
  queue.learn(lanes, rest.epoch);
  const recovered: Orphan[] = [];
  for (const each of orphans) {
    const orphan = await recover(options, each);
    if (orphan) recovered.push(orphan);
  }
  return { ...rest, recovered, tookMs: at - startedAt };
}

/** Undefined for a reply that sweep.lua does not make. `key`: where the names of lanes are from. */
export function decodeSweep(
  reply: unknown,
  key: string,
): (Swept & { hasMore: boolean; lanes: string[]; orphans: Found[] }) | undefined {
  const [instances, inLine, hubs, lanes, epoch, numbers, ...rows] = listOf(reply);
  const counts = [instances, inLine, hubs].map((each) => wholeOf(each));
  const [liveInstances, waiting, liveHubs] = counts;
  const since = textOf(epoch, 64);
  if (liveInstances === undefined || waiting === undefined || liveHubs === undefined) return undefined;
  if (since === undefined || !Array.isArray(lanes)) return undefined;
  const orphans: Found[] = [];
  for (let i = 0; i + 2 < rows.length; i += 3) {
    const [lane, entry, meta] = [rows[i], textOf(rows[i + 1], 41), textOf(rows[i + 2], 512)];
    if (isLaneName(lane) && entry !== undefined) orphans.push({ lane, entry, meta: meta ?? '' });
  }
  const found = { instances: liveInstances, inLine: waiting, hubs: liveHubs, epoch: since };
  return { ...found, ...numbersOf(textOf(numbers, 300) ?? ''), lanes: laneNames(lanes, key), orphans };
}

/** Parses the numbers in the order in which sweep.lua writes them. */
function numbersOf(text: string): Pick<SweepReport, 'at' | 'leasesCount' | 'capacity' | 'hasMore'> {
  const parsed = text.split(' ').map(Number);
  const number = (i: number) => (Number.isSafeInteger(parsed[i]) ? (parsed[i] ?? 0) : 0);
  return {
    at: number(0),
    leasesCount: number(1) === 1,
    hasMore: number(11) === 1,
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
  { lane, entry, meta }: Found,
): Promise<Orphan | undefined> {
  // An entry that is no request is removed all the same, and no hub is informed.
  const { id, attempt } = decodeMeta(meta) ?? { id: '-', attempt: 0 };
  const groupInput = groupScript(keys, [lane]);
  const frame = (code: string) => encodeFrame(id, attempt, FENCE, { failed: `${code}\nlease ended` });
  const reply = await runScript(
    client,
    scripts.recover,
    [...groupInput.keys, ...[keys.dead, keys.up(id), keys.down(id, attempt)]],
    [
      ...groupInput.args,
      ...[
        entry,
        movedFrame(id, attempt, 'lost', 'its lease has ended'),
        movedFrame(id, attempt, 'unstarted', 'its agent has gone'),
      ],
      ...[frame('agent-lost'), frame('attempts-exhausted')],
      'agent lost on every attempt',
    ],
  );
  const outcome = wordOf(reply, OUTCOMES);
  return outcome && { id, attempt, outcome };
}

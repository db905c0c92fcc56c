import type { Redis } from 'ioredis';
import type { InstanceReport } from '../../exchange/agent-link.ts';
import type { RecordShare } from '../../exchange/relay-link.ts';
import { badInput } from '../../runtime/bad-input.ts';
import { BadReplyError } from '../connection/reply-shape.ts';
import { loadScript, runScript } from '../connection/run-script.ts';
import type { GroupKeys } from '../scripts/keys.ts';
import { decodeBeat, type BeatReply } from './beat-reply.ts';
import type { HeldRequest } from './held-requests.ts';
import type { KnownLanes } from './known-lanes.ts';
import { rowName } from './record-parts.ts';

export interface BeatCall {
  readonly keys: GroupKeys;
  readonly lanes: KnownLanes;
  readonly instance: string;
  readonly streamTtlMs: number;
  /** Which of the instance's rows is written. */
  readonly part: number;
  readonly shares: readonly RecordShare[];
  readonly report: InstanceReport;
  /** Requests to renew. */
  readonly batch: readonly HeldRequest[];
  /** The call before has left waiting requests that may be handed out. */
  readonly goesOn: boolean;
}

const script = loadScript('heartbeat');

/** One call of heartbeat.lua. Rejects when Redis is away, or replies something else. */
export async function callBeat(client: Redis, call: BeatCall): Promise<BeatReply> {
  const { keys, lanes, instance, part, shares, report, batch, goesOn, streamTtlMs } = call;
  const row = rowName(instance, part);
  const reply = await runScript(
    client,
    script,
    [
      ...lanes.script.keys,
      ...[keys.slots, keys.agentSlots, keys.instances, keys.reports],
      ...batch.flatMap(({ id, attempt }) => [keys.up(id), keys.down(id, attempt)]),
    ],
    [
      ...lanes.script.args,
      ...[instance, row, JSON.stringify(report), streamTtlMs, lanes.count, goesOn ? 1 : 0],
      ...[shares.length, batch.length],
      ...shares.flatMap(({ record, slots, running }) => [record, slots, running]),
      ...batch.flatMap(({ id, attempt, entry, hub }) => [entry, `${id}:${attempt}`, hub]),
    ],
  );
  const beat = decodeBeat(reply, keys.lanes, shares.length);
  if (!beat) {
    badInput.note('reply', keys.settings);
    throw new BadReplyError('heartbeat');
  }
  return beat;
}

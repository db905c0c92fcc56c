import type { Redis } from 'ioredis';
import type { OwnedRequest, RequeueReason } from '../../exchange/agent-link.ts';
import { encodeFrame, FENCE, movedFrame } from '../../exchange/frames.ts';
import { loadScript, runScript } from '../connection/run-script.ts';
import type { GroupKeys } from '../scripts/keys.ts';
import type { GroupScript } from '../scripts/script-keys.ts';
import { entryOf } from './pulled-requests.ts';

const script = loadScript('requeue');

export interface RequeueInput {
  readonly keys: GroupKeys;
  readonly group: GroupScript;
  readonly instance: string;
  readonly request: OwnedRequest;
  readonly why: RequeueReason | 'abandoned';
  /** For the log of the hub. */
  readonly detail: string;
}

/** See requeue.lua. Resolves with whether somebody else will run the request. */
export async function requeueRequest(
  client: Redis,
  { keys: { slots, agentSlots, down, up }, group, instance, request, why, detail }: RequeueInput,
): Promise<boolean> {
  const { id, attempt } = request;
  const moved = movedFrame(id, attempt, why, detail);
  const lost = encodeFrame(id, attempt, FENCE, { failed: 'agent-lost\nthe hub was not heard of' });
  const keys = [...group.keys, slots, agentSlots, down(id, attempt), up(id)];
  const args = [...group.args, instance, entryOf(request), why, moved, lost];
  return (await runScript(client, script, keys, args)) === 1;
}

import type { Redis } from 'ioredis';
import { loadScript, runScript } from '../connection/run-script.ts';
import type { GroupKeys } from '../scripts/keys.ts';
import type { GroupScript } from '../scripts/script-keys.ts';

const script = loadScript('leave');

export interface LeaveInput {
  readonly keys: GroupKeys;
  readonly group: GroupScript;
  /** The instance, and its further rows. */
  readonly rows: readonly string[];
}

/** See leave.lua. */
export async function leaveGroup(client: Redis, { keys, group, rows }: LeaveInput): Promise<void> {
  const { slots, agentSlots, instances, reports } = keys;
  const all = [...group.keys, slots, agentSlots, instances, reports];
  await runScript(client, script, all, [...group.args, ...rows]);
}

import type { Redis } from 'ioredis';
import { encodeFrame, NUDGE_ID } from '../../exchange/frames.ts';
import type { AgentSettings, GroupSettings } from '../../config/group-settings.ts';
import { groupKeys } from '../scripts/keys.ts';
import { loadScript, runScript } from '../connection/run-script.ts';

const script = loadScript('settings');
const NUDGE = encodeFrame(NUDGE_ID, 0, 0, {});

/**
 * Writes a group's settings unless those of a newer version are there. Hubs and router-api all do it after every change and
 * every reconnect, hubs also when a sweep finds that the data is another: whoever is first, and a Redis that has lost its
 * data has them again.
 */
export async function publishGroupSettings(
  client: Redis,
  version: number,
  { name, paused, concurrency, leaseMs, agents }: GroupSettings,
): Promise<void> {
  const { settings, instances, prefix } = groupKeys(name);
  await runScript(
    client,
    script,
    [settings, instances],
    [
      ...[prefix, version, NUDGE],
      ...['concurrency', concurrency, 'lease', leaseMs, 'paused', paused ? 1 : 0],
      ...agents.flatMap((agent) => [`agent:${agent.name}`, agentField(agent)]),
    ],
  );
}

/** As heartbeat.lua reads it: cap, state, scopes. */
function agentField({ concurrency, state, scopes }: AgentSettings): string {
  return `${concurrency} ${state} ${[...scopes].sort().join('+') || '-'}`;
}

import type { Redis } from 'ioredis';
import { NUDGE } from '../../exchange/frames.ts';
import type { AgentSettings, GroupSettings } from '../../config/group-settings.ts';
import { groupKeys } from '../scripts/keys.ts';
import { loadScript, runScript } from '../connection/run-script.ts';

const script = loadScript('settings');
export interface SettingsToPublish {
  readonly settings: GroupSettings;
  /** Of the configuration that they are from. */
  readonly version: number;
  /** The version that the configuration has now, read anew: agents can write settings, and nothing there. */
  readonly newest: () => Promise<number>;
}

/**
 * Writes a group's settings unless those of a newer version of the configuration are there. Hubs and router-api all do it
 * after every change and every reconnect, hubs also when a sweep finds that the data is another, and now and then:
 * whoever is first, a Redis that has lost its data has them again, and what an agent has written there does not last.
 */
export async function publishGroupSettings(client: Redis, options: SettingsToPublish): Promise<void> {
  const { settings, version, newest } = options;
  if (await write(client, settings, version, '')) return;
  await write(client, settings, version, Math.max(version, await newest()));
}

/** False: those of a newer version are there. */
async function write(
  client: Redis,
  { name, paused, concurrency, leaseMs, agents }: GroupSettings,
  version: number,
  newest: number | '',
): Promise<boolean> {
  const { settings, instances, prefix } = groupKeys(name);
  const written = await runScript(
    client,
    script,
    [settings, instances],
    [
      ...[prefix, version, newest, NUDGE],
      ...['concurrency', concurrency, 'lease', leaseMs, 'paused', paused ? 1 : 0],
      ...agents.flatMap((agent) => [`agent:${agent.name}`, agentField(agent)]),
    ],
  );
  return written === 1;
}

/** As heartbeat.lua reads it: cap, state, scopes. */
function agentField({ concurrency, state, scopes }: AgentSettings): string {
  return `${concurrency} ${state} ${[...scopes].sort().join('+') || '-'}`;
}

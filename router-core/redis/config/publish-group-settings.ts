import type { Redis } from 'ioredis';
import { NUDGE } from '../../exchange/frames.ts';
import type { AgentSettings, GroupSettings } from '../../config/group-settings.ts';
import { groupKeys } from '../scripts/keys.ts';
import { loadScript, runScript } from '../connection/run-script.ts';

const script = loadScript('settings');
export interface SettingsToPublish {
  readonly settings: GroupSettings;
  /** Version of the configuration that the settings are from. */
  readonly version: number;
  /** Reads the current version of the configuration: agents can write settings, but no version. */
  readonly newest: () => Promise<number>;
}

/**
 * Writes a group's settings unless those of a newer version of the configuration are stored. Hubs and router-api do this after
 * every change and every reconnect; hubs also when a sweep finds new data, and regularly. So a Redis that has lost its data
 * gets the settings from whoever is first, and settings that an agent has forged do not last.
 */
export async function publishGroupSettings(client: Redis, options: SettingsToPublish): Promise<void> {
  const { settings, version, newest } = options;
  if (await write(client, settings, version, '')) return;
  await write(client, settings, version, Math.max(version, await newest()));
}

/** Resolves with false when settings of a newer version are stored. */
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

/** The format that heartbeat.lua reads: cap, state, scopes. */
function agentField({ concurrency, state, scopes }: AgentSettings): string {
  return `${concurrency} ${state} ${[...scopes].sort().join('+') || '-'}`;
}

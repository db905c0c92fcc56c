import type { Redis } from 'ioredis';
import type { Group } from '../config/group.ts';
import { encodeFrame, NUDGE_ID } from './frames.ts';
import type { ConfigState } from './config-state.ts';
import { groupKeys } from './keys.ts';
import { loadScript, runScript } from './scripts.ts';

/** What the scripts and the agents of a group need to know of the configuration. */
export interface GroupSettings {
  readonly name: string;
  readonly paused: boolean;
  /** Requests that may run at once in the whole group; 0 = no limit. */
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly agents: readonly AgentSettings[];
}

export interface AgentSettings {
  readonly name: string;
  /** Slots of all its instances together; 0 = no limit. */
  readonly concurrency: number;
  readonly state: 'active' | 'paused' | 'draining';
  readonly scopes: readonly string[];
}

const script = loadScript('settings');
const NUDGE = encodeFrame(NUDGE_ID, 0, 0, {});

/** The settings of a group; its agents are those of the configuration. */
export function settingsOf(state: ConfigState, { name, paused, concurrency, leaseMs }: Group): GroupSettings {
  const agents: AgentSettings[] = [];
  for (const agent of state.agents.values()) {
    if (agent.group !== name) continue;
    agents.push({
      name: agent.name,
      scopes: agent.scopes,
      concurrency: agent.concurrency,
      state: agent.draining ? 'draining' : agent.paused ? 'paused' : 'active',
    });
  }
  return { name, paused, concurrency, leaseMs, agents };
}

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

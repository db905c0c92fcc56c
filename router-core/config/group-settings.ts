import type { ConfigState } from './config-state.ts';
import type { Group } from './group.ts';

/** The part of the configuration that the scripts and the agents of a group need. */
export interface GroupSettings {
  readonly name: string;
  readonly paused: boolean;
  /** Requests that may run at once in the whole group; 0 = no limit. */
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly agents: readonly AgentSettings[];
}

/** A group as a hub serves it. */
export interface ServedSettings extends GroupSettings {
  /** Requests that may wait for a slot. */
  readonly queueDepth: number;
}

export interface AgentSettings {
  readonly name: string;
  /** Slots of all instances of the record together; 0 = no limit. */
  readonly concurrency: number;
  readonly state: 'active' | 'paused' | 'draining';
  readonly scopes: readonly string[];
}

/** The settings of a group, with the agent records that belong to it. */
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

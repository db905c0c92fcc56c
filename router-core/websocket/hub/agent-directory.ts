import type { ConfigState } from '../../config/config-state.ts';
import type { StoredAgent } from '../../config/stored.ts';
import { parseToken, tokenMatches, type StoredToken } from '../../config/token.ts';

/** The record of agents that have none. */
export const NO_RECORD = '-';

/** The identity behind an agent's token. */
export interface AgentIdentity {
  /** Name of its agent record, or NO_RECORD. */
  readonly record: string;
  readonly group: string;
  readonly scopes: readonly string[];
  /** Slots of all instances of the record together; 0 = no limit. */
  readonly concurrency: number;
  readonly tokenId: string;
}

/** How the record behind a link stands now. */
export type RecordState = 'active' | 'paused' | 'draining' | 'moved' | 'ended';

/** Every agent record by the ids of its tokens, as of one version of the configuration. */
export class AgentDirectory {
  readonly #byToken = new Map<string, { agent: StoredAgent; token: StoredToken }>();

  constructor(agents: Iterable<StoredAgent>) {
    for (const agent of agents) {
      for (const token of agent.tokens) this.#byToken.set(token.id, { agent, token });
    }
  }

  static of(state: ConfigState | undefined): AgentDirectory {
    return new AgentDirectory(state?.agents.values() ?? []);
  }

  /** Undefined when the text is no agent's token, or not any more. */
  identify(text: string, nowMs: number): AgentIdentity | undefined {
    const parsed = parseToken(text);
    if (parsed?.kind !== 'agent') return undefined;
    const found = this.#byToken.get(parsed.id);
    if (!found || !tokenMatches(text, found.token, nowMs) || isOver(found.agent.expiresAt, nowMs)) {
      return undefined;
    }
    const { name, group, scopes, concurrency } = found.agent;
    return { record: name, group, scopes, concurrency, tokenId: parsed.id };
  }

  /** How the record of a link that was let in stands now. */
  stateOf({ tokenId, group, scopes }: AgentIdentity, nowMs: number): RecordState {
    const found = this.#byToken.get(tokenId);
    if (!found || isOver(found.token.expiresAt, nowMs) || isOver(found.agent.expiresAt, nowMs))
      return 'ended';
    const { agent } = found;
    if (agent.group !== group || scopeSet(agent.scopes) !== scopeSet(scopes)) return 'moved';
    if (agent.draining) return 'draining';
    return agent.paused ? 'paused' : 'active';
  }
}

/** The same for the same scopes, in whatever order. */
export function scopeSet(scopes: readonly string[]): string {
  return [...scopes].sort().join('+');
}

/** A time that cannot be read is NaN, and no number is below it: it has passed. */
function isOver(expiresAt: string | null, nowMs: number): boolean {
  return expiresAt !== null && !(nowMs < Date.parse(expiresAt));
}

import type { AgentLogin } from './agent-acl.ts';
import type { AgentCard } from '../../agent/agent-card.ts';
import type { ConfigState } from '../../../config/config-state.ts';
import { agentCardKey, AGENT_CARD_PATTERN, tagOf } from '../../scripts/keys.ts';
import { scanKeys } from '../../connection/scan-keys.ts';
import type { Store } from '../../connection/store.ts';
import { callByNode } from '../../connection/store-call.ts';

/** A valid token of an agent, and its card. */
export interface LiveAgentToken extends AgentLogin {
  readonly card: AgentCard;
}

/** Tokens of agents that are neither revoked nor expired, and when the next of them will expire (ms; Infinity: none will). */
export function liveAgentTokens(
  state: ConfigState,
  nowMs: number,
): { tokens: LiveAgentToken[]; nextExpiryMs: number } {
  const tokens: LiveAgentToken[] = [];
  let nextExpiryMs = Infinity;
  for (const { name, group, concurrency, scopes, expiresAt, tokens: own } of state.agents.values()) {
    for (const token of own) {
      const endsMs = Math.min(msOf(expiresAt), msOf(token.expiresAt));
      if (endsMs <= nowMs) continue;
      nextExpiryMs = Math.min(nextExpiryMs, endsMs);
      const card = { agent: name, group, concurrency, scopes };
      tokens.push({ tokenId: token.id, sha256: token.sha256, group, card });
    }
  }
  return { tokens, nextExpiryMs };
}

/** The groups of the agents that have one of these tokens. */
export function groupsOfTokens(state: ConfigState, tokenIds: readonly string[]): Set<string> {
  const agents = [...state.agents.values()].filter(({ tokens }) =>
    tokens.some(({ id }) => tokenIds.includes(id)),
  );
  return new Set(agents.map(({ group }) => group));
}

function msOf(expiresAt: string | null): number {
  return expiresAt === null ? Infinity : Date.parse(expiresAt);
}

/** The cards that are known to be in Redis, key → JSON; undefined: to be looked up. */
export type KnownCards = Map<string, string> | undefined;

/** Writes the cards of these tokens and removes all others. Returns the cards for the next call. */
export async function writeAgentCards(
  store: Store,
  tokens: readonly LiveAgentToken[],
  known: KnownCards,
): Promise<KnownCards> {
  const there = known ?? new Map((await scanKeys(store, AGENT_CARD_PATTERN)).map((key) => [key, '']));
  const wanted = new Map(tokens.map(({ tokenId, card }) => [agentCardKey(tokenId), JSON.stringify(card)]));
  const wrong = [...new Set([...there.keys(), ...wanted.keys()])].filter(
    (key) => there.get(key) !== wanted.get(key),
  );
  const keys = new Map(wrong.map((key) => [tagOf(key), key]));
  await callByNode(store, [...keys.keys()], async (client, tags) => {
    const pipeline = client.pipeline();
    // One key per command: each has a hash tag of its own.
    for (const tag of tags) {
      const key = keys.get(tag) ?? '';
      const json = wanted.get(key);
      if (json === undefined) pipeline.unlink(key);
      else pipeline.set(key, json);
    }
    for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
  });
  return wanted;
}

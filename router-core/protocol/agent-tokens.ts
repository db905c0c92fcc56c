import type { Redis } from 'ioredis';
import type { AgentLogin } from './agent-acl.ts';
import type { AgentCard } from './agent-card.ts';
import type { ConfigState } from './config-state.ts';
import { agentCardKey, AGENT_CARD_PATTERN } from './keys.ts';

/** A token that an agent may use now, and what it is for. */
export interface LiveAgentToken extends AgentLogin {
  readonly card: AgentCard;
}

/** Tokens of agents that are neither revoked nor expired, and when the next one will be (ms; Infinity: none will). */
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

function msOf(expiresAt: string | null): number {
  return expiresAt === null ? Infinity : Date.parse(expiresAt);
}

/** The cards in Redis as they are known to be there, token id → JSON; undefined: to be looked up. */
export type KnownCards = Map<string, string> | undefined;

/** Makes the cards in Redis be those of these tokens. Returns what is there then, to be passed in again. */
export async function writeAgentCards(
  client: Redis,
  tokens: readonly LiveAgentToken[],
  known: KnownCards,
): Promise<KnownCards> {
  const there = known ?? (await readCardIds(client));
  const wanted = new Map(tokens.map(({ tokenId, card }) => [tokenId, JSON.stringify(card)]));
  const pipeline = client.pipeline();
  for (const [id, json] of wanted) if (there.get(id) !== json) pipeline.set(agentCardKey(id), json);
  // One key per command: each has a hash tag of its own.
  for (const id of there.keys()) if (!wanted.has(id)) pipeline.unlink(agentCardKey(id));
  if (pipeline.length > 0) {
    for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
  }
  return wanted;
}

async function readCardIds(client: Redis): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  let cursor = '0';
  do {
    const [next, keys] = await client.scan(cursor, 'MATCH', AGENT_CARD_PATTERN, 'COUNT', 1_000);
    for (const key of keys) ids.set(/^mr:\{agent:(.*)\}:group$/.exec(key)?.[1] ?? '', '');
    cursor = next;
  } while (cursor !== '0');
  return ids;
}

import { z } from 'zod';
import { objectName, scopeName } from '../../config/fields.ts';
import { badInput } from '../../runtime/bad-input.ts';
import { parseJson } from '../../runtime/parse-json.ts';
import { createBackoff, sleep } from '../../runtime/backoff.ts';
import type { Logger } from '../../runtime/logger.ts';
import { AGENT_USER_PREFIX, loginOfToken } from '../connection/agent-user.ts';
import { agentCardKey, tagOf } from '../scripts/keys.ts';
import { openStore } from '../connection/store.ts';

/** The record, group and limits of an agent's token: the only key outside of its group that the token can read. */
export interface AgentCard {
  /** Name of the agent record. */
  readonly agent: string;
  readonly group: string;
  /** Slots of all instances of the record together; 0 = no limit. */
  readonly concurrency: number;
  readonly scopes: readonly string[];
}

const cardSchema: z.ZodType<AgentCard> = z.object({
  agent: objectName,
  group: objectName,
  concurrency: z.int().min(0),
  scopes: z.array(scopeName).max(16),
});

/** Undefined for a text that router-api would not write. */
export function decodeCard(text: string): AgentCard | undefined {
  return cardSchema.safeParse(parseJson(text)).data;
}

/** The id in an agent's token, which is no secret. Throws a CommandError for any other text. */
export function tokenIdOf(token: string): string {
  return loginOfToken(token).username.slice(AGENT_USER_PREFIX.length);
}

export interface ReadCardOptions {
  readonly redisUrl: string;
  readonly token: string;
  /** Asks again until this returns true. */
  readonly until?: (card: AgentCard) => boolean;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Asks until there is an answer: Redis may be away, or have lost its data. Undefined when the signal aborts. */
export async function readAgentCard(options: ReadCardOptions): Promise<AgentCard | undefined> {
  const { redisUrl: url, token, until = () => true, signal, log } = options;
  const key = agentCardKey(tokenIdOf(token));
  const store = openStore({ url, token, log });
  const connection = store.at(tagOf(key), 'commands');
  const backoff = createBackoff({ minMs: 100, maxMs: 2_000 });
  let said = false;
  try {
    while (!signal.aborted) {
      const client = await connection.ready(signal);
      const text = await client?.get(key).catch(() => undefined);
      if (text !== undefined && text !== null) {
        const card = decodeCard(text);
        if (!card) badInput.note('card', key);
        else if (until(card)) return card;
      }
      if (text === null && !said) {
        log.warn('Redis does not know this token yet; waiting for router-api to add it');
        said = true;
      }
      await sleep(backoff.next(), signal);
    }
    return undefined;
  } finally {
    store.close();
  }
}

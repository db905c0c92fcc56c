import { z } from 'zod';
import { objectName, scopeName } from '../../config/fields.ts';
import type { AgentIdentitySource, RecordedIdentity } from '../../exchange/agent-identity.ts';
import { createBackoff, sleep } from '../../runtime/backoff.ts';
import type { Logger } from '../../runtime/logger.ts';
import { parseJson } from '../../runtime/parse-json.ts';
import type { HubDialer } from './hub-dialer.ts';
import { HubRefusal, readText, reasonOf } from './hub-refusal.ts';
import type { HubTurns } from './hub-turns.ts';
import type { UnknownToken } from './unknown-token.ts';

export interface HubIdentityOptions {
  readonly dialer: HubDialer;
  readonly turns: HubTurns;
  readonly unknown: UnknownToken;
  readonly onRevoked: () => void;
  readonly log: Logger;
}

const identitySchema: z.ZodType<RecordedIdentity> = z.object({
  record: objectName,
  group: objectName,
  scopes: z.array(scopeName).max(16),
  concurrency: z.int().min(0),
  tokenId: z.string().max(64),
});

const TIMEOUT_MS = 10_000;

/** A record may move at any time, while nobody waits for it but this. */
const MOVED_POLL_MS = { minMs: 500, maxMs: 30_000 };

/** Asks a hub for the identity of a token. */
export function hubIdentitySource(options: HubIdentityOptions): AgentIdentitySource {
  return {
    identify: (signal) => askUntil(options, { minMs: 100, maxMs: 10_000 }, () => true, signal),
    async whenMoved(group, signal) {
      return (await askUntil(options, MOVED_POLL_MS, (found) => found.group !== group, signal)) !== undefined;
    },
  };
}

/** Asks one hub after the other until one says what is wanted. Undefined when the signal aborts. */
async function askUntil(
  { dialer, turns, unknown, onRevoked, log }: HubIdentityOptions,
  pauses: { minMs: number; maxMs: number },
  isWanted: (identity: RecordedIdentity) => boolean,
  signal: AbortSignal,
): Promise<RecordedIdentity | undefined> {
  const backoff = createBackoff(pauses);
  let said: string | undefined;
  while (!signal.aborted) {
    const hub = turns.take(performance.now());
    try {
      const identity = await askHub(dialer, hub, signal);
      unknown.accepted();
      if (isWanted(identity)) return identity;
    } catch (error) {
      if (signal.aborted) return undefined;
      if (error instanceof HubRefusal && error.isTokenEnded && unknown.refused(performance.now())) {
        onRevoked();
        return undefined;
      }
      const reason = reasonOf(error);
      // Every hub may have another reason; the same one again is no news.
      log[reason === said ? 'debug' : 'warn']({ hub, reason }, 'a hub cannot be asked, trying again');
      said = reason;
    }
    await sleep(backoff.next(), signal);
  }
  return undefined;
}

async function askHub(dialer: HubDialer, hub: string, signal: AbortSignal): Promise<RecordedIdentity> {
  const reply = await dialer.ask(hub, { timeoutMs: TIMEOUT_MS, signal });
  const { data } = identitySchema.safeParse(parseJson(await readText(reply)));
  if (!data) throw new HubRefusal(`${hub} is no hub: what it says of a token cannot be read`);
  return data;
}

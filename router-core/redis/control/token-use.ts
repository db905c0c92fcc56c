import type { Connection } from '../connection/connection.ts';
import { CONFIG_KEYS } from '../scripts/keys.ts';
import { wholeOf } from '../connection/reply-shape.ts';
import { callStore } from '../connection/store-call.ts';

/** The latest time of a Date. */
const LATEST_MS = 8.64e15;

/** A token that is in constant use is noted once in this time. */
const NOTE_MS = 10_000;

/** When tokens were last used, to find tokens that nobody needs any more. Not exact: lost notes do no harm. */
export class TokenUse {
  readonly #commands: Connection;
  readonly #notedAt = new Map<string, number>();

  constructor(commands: Connection) {
    this.#commands = commands;
  }

  /** Only for valid tokens: their ids stay in memory. */
  note(tokenIds: Iterable<string>): void {
    const now = Date.now();
    const due = [...tokenIds].filter((id) => now - (this.#notedAt.get(id) ?? 0) >= NOTE_MS);
    if (due.length === 0) return;
    for (const id of due) this.#notedAt.set(id, now);
    const fields = due.flatMap((id) => [id, now]);
    void callStore(this.#commands, (client) => client.hset(CONFIG_KEYS.used, ...fields)).catch(
      () => undefined,
    );
  }

  /** For each token: ISO 8601, or null when it was never used. */
  async lastUsed(tokenIds: readonly string[]): Promise<Map<string, string | null>> {
    if (tokenIds.length === 0) return new Map();
    const times = await callStore(this.#commands, (client) => client.hmget(CONFIG_KEYS.used, ...tokenIds));
    return new Map(tokenIds.map((id, i) => [id, isoOf(times[i] ?? null)]));
  }

  /** These tokens were deleted. */
  forget(tokenIds: readonly string[]): void {
    if (tokenIds.length === 0) return;
    for (const id of tokenIds) this.#notedAt.delete(id);
    void callStore(this.#commands, (client) => client.hdel(CONFIG_KEYS.used, ...tokenIds)).catch(
      () => undefined,
    );
  }
}

function isoOf(ms: string | null): string | null {
  const time = wholeOf(ms, LATEST_MS);
  return time === undefined ? null : new Date(time).toISOString();
}

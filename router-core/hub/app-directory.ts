import type { StoredApp } from '../config/stored.ts';
import { parseToken, tokenMatches, type StoredToken } from '../config/token.ts';

/** The sender of a request: an app, by one of its tokens. */
export interface Caller {
  readonly app: StoredApp;
  readonly tokenId: string;
}

/** Every app by the ids of its tokens: the hub checks a token without asking Redis. */
export class AppDirectory {
  readonly #byToken = new Map<string, { app: StoredApp; token: StoredToken }>();
  /**
   * Callers by the whole text of a token that was right once. There are no more of them than tokens, and they go with this version
   * of the configuration. A look-up compares hashes with a seed of this process first, so its time tells nothing about a token.
   */
  readonly #proven = new Map<string, Caller>();

  constructor(apps: Iterable<StoredApp>) {
    for (const app of apps) {
      for (const token of app.tokens) this.#byToken.set(token.id, { app, token });
    }
  }

  /** Finds the app that has this token. Undefined when no app has it, or it has expired. */
  identify(text: string, nowMs: number): Caller | undefined {
    const proven = this.#proven.get(text);
    if (proven) return this.isLive(proven.tokenId, nowMs) ? proven : undefined;
    const parsed = parseToken(text);
    if (parsed?.kind !== 'app') return undefined;
    const found = this.#byToken.get(parsed.id);
    if (!found || !tokenMatches(text, found.token, nowMs) || isOver(found.app.expiresAt, nowMs))
      return undefined;
    const caller = { app: found.app, tokenId: parsed.id };
    this.#proven.set(text, caller);
    return caller;
  }

  /** True while a token that was valid when its request came is still valid. */
  isLive(tokenId: string, nowMs: number): boolean {
    const found = this.#byToken.get(tokenId);
    return (
      found !== undefined && !isOver(found.token.expiresAt, nowMs) && !isOver(found.app.expiresAt, nowMs)
    );
  }
}

function isOver(expiresAt: string | null, nowMs: number): boolean {
  return expiresAt !== null && nowMs >= Date.parse(expiresAt);
}

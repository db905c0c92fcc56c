import type { StoredApp } from '../config/stored.ts';
import { parseToken, tokenMatches, type StoredToken } from '../config/token.ts';

/** Who sends a request. */
export interface Caller {
  readonly app: StoredApp;
  readonly tokenId: string;
}

/** Every app by the id of its tokens: a token is checked without asking Redis. */
export class AppDirectory {
  readonly #byToken = new Map<string, { app: StoredApp; token: StoredToken }>();
  /**
   * By the whole text of tokens that were right once: no more than there are tokens, and only for as long as this version of the
   * configuration lasts. A look-up compares hashes with a seed of this process first, so its time tells nothing about a token.
   */
  readonly #proven = new Map<string, Caller>();

  constructor(apps: Iterable<StoredApp>) {
    for (const app of apps) {
      for (const token of app.tokens) this.#byToken.set(token.id, { app, token });
    }
  }

  /** The app whose token this is; undefined when it is nobody's, or not any more. */
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

  /** Whether a token that was good when its request came still is. */
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

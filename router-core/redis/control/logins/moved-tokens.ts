import type { AgentLogin } from './agent-acl.ts';

/** So long the token of a record that was moved still reaches its old group, ms: twice what agents take to drain. */
const LEAVE_MS = 60_000;

/**
 * Remembers which tokens have just changed their group: an agent finishes what it runs before it goes, and must be let
 * into both places meanwhile. Not stored: a router-api that starts anew ends it early.
 */
export class MovedTokens {
  readonly #groups = new Map<string, string>();
  readonly #left = new Map<string, { group: string; endsMs: number }>();

  /** When the next token has left its old group for good; Infinity when none is about to. */
  get nextEndMs(): number {
    return Math.min(Infinity, ...[...this.#left.values()].map(({ endsMs }) => endsMs));
  }

  /** The logins of these tokens, which are all there are. */
  loginsOf(tokens: readonly AgentLogin[], nowMs: number): AgentLogin[] {
    const ids = new Set(tokens.map(({ tokenId }) => tokenId));
    for (const id of this.#groups.keys()) if (!ids.has(id)) this.#groups.delete(id);
    for (const [id, { endsMs }] of this.#left) if (!ids.has(id) || endsMs <= nowMs) this.#left.delete(id);
    return tokens.map((token) => {
      const { tokenId, group } = token;
      const before = this.#groups.get(tokenId) ?? group;
      if (before !== group) this.#left.set(tokenId, { group: before, endsMs: nowMs + LEAVE_MS });
      this.#groups.set(tokenId, group);
      const left = this.#left.get(tokenId)?.group;
      return left === undefined || left === group ? token : { ...token, formerGroup: left };
    });
  }
}

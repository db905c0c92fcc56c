import type { AgentLogin } from './agent-acl.ts';

/** How long the token of a record that was moved still reaches its old group, ms: twice the time that agents take to drain. */
const LEAVE_MS = 60_000;

/**
 * Remembers tokens that have just changed their group: an agent finishes its requests in the old group before it joins the new
 * one, and needs access to both. Not stored: a restart of router-api ends the time early.
 */
export class MovedTokens {
  readonly #groups = new Map<string, string>();
  readonly #left = new Map<string, { group: string; endsMs: number }>();

  /** The time when the next token loses its old group; Infinity when none will. */
  get nextEndMs(): number {
    return Math.min(Infinity, ...[...this.#left.values()].map(({ endsMs }) => endsMs));
  }

  /** The logins of these tokens. The list must be complete. */
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

import { createHash } from 'node:crypto';
import { scopeName } from '../config/fields.ts';
import { NO_RECORD, type AgentDirectory, type AgentIdentity } from '../websocket/hub/agent-directory.ts';
import { readSlimeToken, slimeKey, type SlimeToken } from './slime-token.ts';

/** Who an agent of slime is, by its token. */
export interface SlimeIdentity {
  readonly identity: AgentIdentity;
  /** People call it so: the name of the record, or the one that slime's token has. */
  readonly name: string;
  /** Who may submit what it was given. */
  readonly holder: string;
  /** The only paths that it takes; empty = all. */
  readonly paths: readonly string[];
  /** Unix ms; Infinity = never. Of a token of ours, its record says it. */
  readonly expiresAtMs: number;
}

export interface SlimeIdentitiesOptions {
  /** The secret of slime's hub; undefined when its tokens do not count. */
  readonly secret: string | undefined;
  /** Where agents with slime's tokens belong. */
  readonly group: string;
}

/** Says what a token is for: one of ours, or with slime's secret one of its own. */
export class SlimeIdentities {
  readonly #key: Buffer | undefined;
  readonly #group: string;

  constructor({ secret, group }: SlimeIdentitiesOptions) {
    this.#key = secret === undefined ? undefined : slimeKey(secret);
    this.#group = group;
  }

  /** Undefined when the token is nobody's, or not any more. */
  identify(text: string, directory: AgentDirectory, nowMs: number): SlimeIdentity | undefined {
    const identity = directory.identify(text, nowMs);
    if (identity) {
      const { record } = identity;
      return { identity, name: record, holder: record, paths: [], expiresAtMs: Infinity };
    }
    const token = this.#key && readSlimeToken(text, this.#key);
    if (!token) return undefined;
    const expiresAtMs = token.expireAt === 0 ? Infinity : token.expireAt * 1_000;
    return nowMs < expiresAtMs ? identityOf(token, this.#group, expiresAtMs, text) : undefined;
  }

  /** True while somebody who was let in may still be here. */
  isLive({ identity, expiresAtMs }: SlimeIdentity, directory: AgentDirectory, nowMs: number): boolean {
    if (identity.record === NO_RECORD) return nowMs < expiresAtMs;
    const state = directory.stateOf(identity, nowMs);
    return state !== 'ended' && state !== 'moved';
  }
}

function identityOf(
  { name, scopes, scopePaths }: SlimeToken,
  group: string,
  expiresAtMs: number,
  text: string,
): SlimeIdentity {
  // A scope that no route and no client of ours can name is of no use.
  const usable = scopes.filter((scope) => scopeName.safeParse(scope).success);
  // Slime's ids of tokens are random, but nobody checks that: the token itself is what its holder has.
  const tokenId = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return {
    identity: { record: NO_RECORD, group, scopes: [...new Set(usable)], concurrency: 0, tokenId },
    name: name.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 64) || 'slime',
    holder: `slime ${tokenId}`,
    paths: scopePaths,
    expiresAtMs,
  };
}

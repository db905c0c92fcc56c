import type { Role } from '../router-core/config/identities.ts';
import type { StoredAdmin } from '../router-core/config/stored.ts';
import { hashToken, parseToken, tokenMatches, type StoredToken } from '../router-core/config/token.ts';
import type { ConfigState } from '../router-core/config/config-state.ts';

/** The admin who sends a request. */
export interface Admin {
  readonly name: string;
  readonly role: Role;
  readonly tokenId: string;
  /** The end of the token or of its admin, whichever is first; ISO 8601, null for never. */
  readonly expiresAt: string | null;
  /** True for the admin of the token that the process was started with. It has no record. */
  readonly isRoot: boolean;
}

/** The name of the admin of the operator's own token. */
const ROOT = 'root';

type TokenIndex = ReadonlyMap<string, { admin: StoredAdmin; token: StoredToken }>;

/** Finds the admin of a token in the configuration of that moment. */
export class AdminDirectory {
  readonly #root: StoredToken | undefined;
  /** The admins from which `#byToken` was built. */
  #admins: ConfigState['admins'] | undefined;
  #byToken: TokenIndex = new Map();

  /** `rootToken`: the token of an admin without a record. */
  constructor(rootToken: string | undefined) {
    const id = rootToken === undefined ? undefined : parseToken(rootToken)?.id;
    if (rootToken !== undefined && id !== undefined) {
      this.#root = { id, sha256: hashToken(rootToken), createdAt: '', expiresAt: null };
    }
  }

  /**
   * Undefined when no admin has the token, or none has it any longer. `admins` is undefined until Redis was reached for the
   * first time.
   */
  identify(text: string, admins: ConfigState['admins'] | undefined, nowMs: number): Admin | undefined {
    const parsed = parseToken(text);
    if (parsed?.kind !== 'admin') return undefined;
    const tokenId = parsed.id;
    if (this.#root?.id === tokenId) {
      return tokenMatches(text, this.#root, nowMs)
        ? { name: ROOT, role: 'admin', tokenId, expiresAt: null, isRoot: true }
        : undefined;
    }
    const found = this.#index(admins).get(tokenId);
    if (!found || !tokenMatches(text, found.token, nowMs)) return undefined;
    const { name, role, expiresAt } = found.admin;
    if (expiresAt !== null && nowMs >= Date.parse(expiresAt)) return undefined;
    return { name, role, tokenId, expiresAt: earlier(expiresAt, found.token.expiresAt), isRoot: false };
  }

  #index(admins: ConfigState['admins'] | undefined): TokenIndex {
    if (admins !== this.#admins) {
      this.#admins = admins;
      this.#byToken = new Map(
        [...(admins?.values() ?? [])].flatMap((admin) =>
          admin.tokens.map((token) => [token.id, { admin, token }]),
        ),
      );
    }
    return this.#byToken;
  }
}

function earlier(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return Date.parse(a) <= Date.parse(b) ? a : b;
}

import type { Role } from '../router-core/config/identities.ts';
import type { StoredAdmin } from '../router-core/config/stored.ts';
import { hashToken, parseToken, tokenMatches, type StoredToken } from '../router-core/config/token.ts';
import type { ConfigState } from '../router-core/config/config-state.ts';

/** Who asks. */
export interface Admin {
  readonly name: string;
  readonly role: Role;
  readonly tokenId: string;
  /** When the token ends, by itself or with its admin; ISO 8601, null for never. */
  readonly expiresAt: string | null;
  /** Has no record: it is there as long as the process is given its token. */
  readonly isRoot: boolean;
}

/** The admin that the operator's own token stands for. */
const ROOT = 'root';

type TokenIndex = ReadonlyMap<string, { admin: StoredAdmin; token: StoredToken }>;

/** Finds the admin that a token belongs to, in the configuration as it is at that moment. */
export class AdminDirectory {
  readonly #root: StoredToken | undefined;
  /** The admins that `#byToken` was made of. */
  #admins: ConfigState['admins'] | undefined;
  #byToken: TokenIndex = new Map();

  /** `rootToken`: of an admin who needs no record. */
  constructor(rootToken: string | undefined) {
    const id = rootToken === undefined ? undefined : parseToken(rootToken)?.id;
    if (rootToken !== undefined && id !== undefined) {
      this.#root = { id, sha256: hashToken(rootToken), createdAt: '', expiresAt: null };
    }
  }

  /** Undefined when the token is nobody's, or not any more. `admins` may be missing: Redis was never there yet. */
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

import { createHash, randomInt, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { instant, isoTime } from './fields.ts';

/** The kinds of objects that have tokens. */
export const TOKEN_KINDS = ['app', 'agent', 'admin'] as const;
export type TokenKind = (typeof TOKEN_KINDS)[number];

/** The stored part of a token. The token itself is shown once and never stored. */
export interface StoredToken {
  /** Part of the token; identifies it in lists and logs. */
  readonly id: string;
  /** SHA-256 of the whole token, hex. */
  readonly sha256: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** ISO 8601; null while it is the current one. A rotated token ends here. */
  readonly expiresAt: string | null;
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 10;
/** 62^32: 190 bits. */
const SECRET_LENGTH = 32;
/** 62^6 > 2^32. */
const CHECKSUM_LENGTH = 6;

const KIND = TOKEN_KINDS.join('|');
const ID = `[0-9A-Za-z]{${ID_LENGTH}}`;
const TOKEN = new RegExp(
  `^(mr_(${KIND})_(${ID})_[0-9A-Za-z]{${SECRET_LENGTH}})_([0-9A-Za-z]{${CHECKSUM_LENGTH}})$`,
);

/** Matches every token and every truncated or mangled one, for texts that must not contain any. */
export const TOKEN_PATTERN = new RegExp(`mr_(${KIND})_([0-9A-Za-z_]+)…?`, 'g');

export const storedTokenSchema = z.strictObject({
  id: z.string().regex(new RegExp(`^${ID}$`)),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: isoTime,
  expiresAt: instant,
}) satisfies z.ZodType<StoredToken>;

/** A new token and its stored part. `token` is to be shown once. It does not expire by itself. */
export function createToken(kind: TokenKind, nowIso: string): { token: string; stored: StoredToken } {
  const id = randomText(ID_LENGTH);
  const unchecked = `mr_${kind}_${id}_${randomText(SECRET_LENGTH)}`;
  const token = `${unchecked}_${checksum(unchecked)}`;
  return { token, stored: { id, sha256: hashToken(token), createdAt: nowIso, expiresAt: null } };
}

/**
 * The kind and id that a text claims as a token; undefined when it has not the form of one. Form and checksum stop typing
 * errors and guesses before they reach the store. Only tokenMatches proves a token.
 */
export function parseToken(text: string): { kind: TokenKind; id: string } | undefined {
  const [, unchecked, kind, id, sum] = TOKEN.exec(text) ?? [];
  if (unchecked === undefined || id === undefined || checksum(unchecked) !== sum) return undefined;
  return { kind: kind as TokenKind, id };
}

/** SHA-256, hex. A plain hash is enough: 190 random bits cannot be guessed, so a slow hash would protect nothing. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** True when this is the stored token and it has not expired. Takes constant time. */
export function tokenMatches(token: string, stored: StoredToken, nowMs: number): boolean {
  const given = Buffer.from(hashToken(token), 'hex');
  const kept = Buffer.from(stored.sha256, 'hex');
  const same = given.length === kept.length && timingSafeEqual(given, kept);
  // A time that cannot be parsed is NaN, and every comparison with NaN is false: such a token has expired.
  const live = stored.expiresAt === null || nowMs < Date.parse(stored.expiresAt);
  return same && live;
}

/**
 * Replaces every token in the text by `mr_app_<id>_…`. A truncated or mangled token loses everything that may be secret, its
 * id too unless that stands where ids do.
 */
export function redactTokens(text: string): string {
  return text.replaceAll(TOKEN_PATTERN, (whole, kind: string, rest: string) => {
    if (rest.length <= ID_LENGTH) return whole;
    const hasId = rest.indexOf('_') === ID_LENGTH;
    return hasId ? `mr_${kind}_${rest.slice(0, ID_LENGTH)}_…` : `mr_${kind}_…`;
  });
}

function randomText(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

/** CRC-32 in base 62: finds every single wrong character, and all but one in 2^32 of other errors. */
function checksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    digits = `${ALPHABET[rest % ALPHABET.length]}${digits}`;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return digits;
}

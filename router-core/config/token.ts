import { createHash, randomInt, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Whose token it is. */
export const TOKEN_KINDS = ['app', 'agent', 'admin'] as const;
export type TokenKind = (typeof TOKEN_KINDS)[number];

/** What is kept of a token. The token itself is shown once and never stored. */
export interface StoredToken {
  /** Part of the token; names it in lists and logs. */
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

const TOKEN = new RegExp(
  `^mr_(${TOKEN_KINDS.join('|')})_([0-9A-Za-z]{${ID_LENGTH}})_([0-9A-Za-z]{${SECRET_LENGTH}})_([0-9A-Za-z]{${CHECKSUM_LENGTH}})$`,
);

/** What any text that holds a token looks like; for whatever must not be written down. */
export const TOKEN_PATTERN = /mr_(?:app|agent|admin)_[0-9A-Za-z]+_[0-9A-Za-z]+(?:_[0-9A-Za-z]+)?/g;

function randomText(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

function checksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    digits = `${ALPHABET[rest % ALPHABET.length]}${digits}`;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return digits;
}

// More to come in the same change: createToken, parseToken, hashToken, tokenMatches, redactTokens.
void [createHash, timingSafeEqual, randomText, checksum, TOKEN, SECRET_LENGTH];

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  createToken,
  hashToken,
  parseToken,
  redactTokens,
  storedTokenSchema,
  TOKEN_KINDS,
  tokenMatches,
} from '../../router-core/config/token.ts';

const NOW = '2027-01-31T12:00:00.000Z';
const NOW_MS = Date.parse(NOW);

/** Its checksum was reckoned elsewhere. The spelling is a promise: tokens outlive versions of the router. */
const GOLDEN = 'mr_app_GOLDENID01_0123456789ABCDEFGHIJKLMNOPQRSTUV_0xUqDN';

describe('a new token', () => {
  test.each(TOKEN_KINDS)('of an %s names its kind and its id, and checks itself', (kind) => {
    const { token, stored } = createToken(kind, NOW);
    expect(token).toMatch(new RegExp(`^mr_${kind}_[0-9A-Za-z]{10}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}$`));
    expect(parseToken(token)).toEqual({ kind, id: stored.id });
    expect(stored).toEqual({
      id: token.split('_')[2],
      sha256: hashToken(token),
      createdAt: NOW,
      expiresAt: null,
    });
    expect(storedTokenSchema.parse(stored)).toEqual(stored);
  });

  test('cannot be had from what is stored of it', () => {
    const { token, stored } = createToken('app', NOW);
    const [, , , secret = '?', checksum = '?'] = token.split('_');
    expect(JSON.stringify(stored)).not.toContain(secret);
    expect(JSON.stringify(stored)).not.toContain(checksum);
  });

  test('is a new one each time, in id and secret', () => {
    const tokens = Array.from({ length: 200 }, () => createToken('agent', NOW).token.split('_'));
    for (const part of [2, 3]) expect(new Set(tokens.map((each) => each[part])).size).toBe(tokens.length);
  });

  test('has the format and the checksum that tokens have always had', () => {
    expect(parseToken(GOLDEN)).toEqual({ kind: 'app', id: 'GOLDENID01' });
    expect(hashToken(GOLDEN)).toBe(createHash('sha256').update(GOLDEN).digest('hex'));
  });
});

describe('a text that is not a token is refused before anything is looked up', () => {
  test('whichever character is wrong, and whatever bit of it', () => {
    for (let at = 0; at < GOLDEN.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = String.fromCharCode(GOLDEN.charCodeAt(at) ^ (1 << bit));
        const text = `${GOLDEN.slice(0, at)}${flipped}${GOLDEN.slice(at + 1)}`;
        expect({ text, parsed: parseToken(text) }).toEqual({ text, parsed: undefined });
      }
    }
  });

  test('when two characters have changed places, wherever', () => {
    for (let at = 0; at + 1 < GOLDEN.length; at++) {
      const [a = '', b = ''] = GOLDEN.slice(at, at + 2);
      if (a === b) continue;
      expect(parseToken(`${GOLDEN.slice(0, at)}${b}${a}${GOLDEN.slice(at + 2)}`)).toBeUndefined();
    }
  });

  test.each([
    ['nothing', ''],
    ['no token at all', 'secret'],
    ['one that was cut off', GOLDEN.slice(0, -1)],
    ['one with something behind it', `${GOLDEN}x`],
    ['one with a line end', `${GOLDEN}\n`],
    ['one with a blank before it', ` ${GOLDEN}`],
    ['two', `${GOLDEN}${GOLDEN}`],
    ['another kind', GOLDEN.replace('_app_', '_hub_')],
    ['the kind of another token', GOLDEN.replace('_app_', '_agent_')],
    ['an endless one', `mr_app_${'x'.repeat(1_000_000)}`],
  ])('when it is %s', (_what, text) => {
    expect(parseToken(text)).toBeUndefined();
  });
});

describe('a token matches', () => {
  const { token, stored } = createToken('admin', NOW);

  test('what is stored of it, and of no other', () => {
    expect(tokenMatches(token, stored, NOW_MS)).toBe(true);
    const other = createToken('admin', NOW);
    expect(tokenMatches(other.token, stored, NOW_MS)).toBe(false);
    expect(tokenMatches(token, other.stored, NOW_MS)).toBe(false);
    expect(tokenMatches('', stored, NOW_MS)).toBe(false);
    expect(tokenMatches(stored.sha256, stored, NOW_MS)).toBe(false);
  });

  test('until the moment it expires', () => {
    const expiring = { ...stored, expiresAt: NOW };
    expect(tokenMatches(token, expiring, NOW_MS - 1)).toBe(true);
    expect(tokenMatches(token, expiring, NOW_MS)).toBe(false);
    expect(tokenMatches(token, expiring, NOW_MS + 1)).toBe(false);
  });

  test('nothing when what is stored makes no sense', () => {
    expect(tokenMatches(token, { ...stored, expiresAt: 'soon' }, NOW_MS)).toBe(false);
    for (const sha256 of ['', 'zz', stored.sha256.slice(2), `${stored.sha256}00`]) {
      expect(tokenMatches(token, { ...stored, sha256 }, NOW_MS)).toBe(false);
    }
  });
});

describe('a redacted text', () => {
  test('names tokens by kind and id and keeps everything else', () => {
    const { token, stored } = createToken('agent', NOW);
    expect(redactTokens(`{"auth":"Bearer ${GOLDEN}","to":"redis://mr_agent:${token}@h"} ${GOLDEN}`)).toBe(
      `{"auth":"Bearer mr_app_GOLDENID01_…","to":"redis://mr_agent:mr_agent_${stored.id}_…@h"} mr_app_GOLDENID01_…`,
    );
    expect(redactTokens('no token in here: mr_, mr_app_, mr_app_GOLDENID01')).toBe(
      'no token in here: mr_, mr_app_, mr_app_GOLDENID01',
    );
  });

  test('holds no part of the secret, however the token was cut off or mangled', () => {
    const secret = '0123456789ABCDEFGHIJKLMNOPQRSTUV';
    const mangled = [
      ...Array.from(secret, (_each, i) => `mr_app_GOLDENID01_${secret.slice(0, i + 1)}`),
      ...[`mr_app_${secret}_CHECKS`, `mr_app_${secret}`, `mr_app_GOLDENID01${secret}`, `mr_app_ID_${secret}`],
      ...[`mr_app_GOLDENID01__${secret}_CHECKS`, `xmr_app_GOLDENID01_${secret}_CHECKS_MORE`],
    ];
    for (const text of mangled) {
      expect({ text, redacted: redactTokens(text) }).toEqual({
        text,
        redacted: expect.stringMatching(/^x?mr_app_(GOLDENID01_)?…$/) as string,
      });
    }
  });

  test('stays as it is when it is redacted again', () => {
    const once = redactTokens(`a ${GOLDEN} b mr_app_0123456789ABCDEF c`);
    expect(redactTokens(once)).toBe(once);
  });
});

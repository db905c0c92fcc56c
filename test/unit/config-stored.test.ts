import { describe, expect, test } from 'vitest';
import { OBJECT_KINDS } from '../../router-core/config/object-kinds.ts';
import { parseStored, STORED_SCHEMAS } from '../../router-core/config/stored.ts';
import { createToken } from '../../router-core/config/token.ts';

const AT = '2027-01-31T12:00:00.000Z';
const WRITTEN = { revision: 7, createdAt: AT, updatedAt: AT };
const { stored: TOKEN } = createToken('app', AT);

const LEAST = {
  group: { name: 'a', ...WRITTEN },
  route: { name: 'a', groups: [{ group: 'g' }], ...WRITTEN },
  app: { name: 'a', tokens: [TOKEN], ...WRITTEN },
  agent: { name: 'a', group: 'g', tokens: [TOKEN], ...WRITTEN },
  admin: { name: 'a', role: 'viewer', tokens: [TOKEN], ...WRITTEN },
} as const;

describe('an object of the store', () => {
  test.each(OBJECT_KINDS)('that is a %s comes back as it was written', (kind) => {
    const object = STORED_SCHEMAS[kind].parse(LEAST[kind]);
    expect(parseStored(kind, JSON.stringify(object))).toEqual(object);
  });

  test('that an older version wrote has defaults for what is new since then', () => {
    expect(parseStored('group', JSON.stringify(LEAST.group))).toMatchObject({
      name: 'a',
      revision: 7,
      queue: { depth: 1_000 },
      paused: false,
    });
  });

  test('that a newer version wrote loses what is not known here, at any depth', () => {
    const newer = `{
      "name": "a", "revision": 7, "createdAt": "${AT}", "updatedAt": "${AT}", "colour": { "of": ["x"] },
      "match": { "path": "/a", "query": { "q": "1" }, "headers": [{ "name": "A" }, { "name": "B", "not": true }] },
      "groups": [{ "group": "g", "weight": 3, "sticky": true }, { "group": "h", "sticky": null, "more": 1 }],
      "timeouts": { "idleMs": 5, "connectMs": 1 }, "__proto__": { "auth": "app" }, "constructor": 1
    }`;
    expect(parseStored('route', newer)).toEqual(
      STORED_SCHEMAS.route.parse({
        ...WRITTEN,
        name: 'a',
        match: { path: '/a', headers: [{ name: 'A' }, { name: 'B' }] },
        groups: [
          { group: 'g', weight: 3 },
          { group: 'h', weight: 1 },
        ],
        timeouts: { idleMs: 5 },
      }),
    );
    const app = { ...LEAST.app, rate: { requests: 1, unit: 's' }, tokens: [{ ...TOKEN, usedAt: AT }] };
    expect(parseStored('app', JSON.stringify(app))).toMatchObject({
      rate: { requests: 1, perMs: 1_000, burst: 0 },
      tokens: [TOKEN],
    });
  });
});

describe('an object of the store is an error', () => {
  const message = (json: string) => {
    try {
      return `no error: ${JSON.stringify(parseStored('app', json))}`;
    } catch (error) {
      return error instanceof Error && error.cause === undefined ? error.message : String(error);
    }
  };

  test.each<[what: string, change: object, message: string]>([
    ['its revision is missing', { revision: undefined }, 'The stored app "a" cannot be read: revision: '],
    ['its time is missing', { updatedAt: undefined }, 'The stored app "a" cannot be read: updatedAt: '],
    ['it has no list of tokens', { tokens: undefined }, 'The stored app "a" cannot be read: tokens: '],
    [
      'a hash is none',
      { tokens: [{ ...TOKEN, sha256: 'x' }] },
      'The stored app "a" cannot be read: tokens[0].sha',
    ],
    [
      'a value is out of bounds',
      { rate: { requests: 0 } },
      'The stored app "a" cannot be read: rate.requests: ',
    ],
    ['it has no proper name', { name: 'a b' }, 'A stored app cannot be read: name: '],
    [
      'it is wrong beside being newer',
      { rate: { requests: 0, unit: 's' }, colour: 1 },
      'The stored app "a" cannot be read: rate.requests: ',
    ],
  ])('when %s', (_what, change, start) => {
    expect(message(JSON.stringify({ ...LEAST.app, ...change })).slice(0, start.length)).toBe(start);
  });

  test.each(['null', '7', '[]', '"a"'])('when it is %s', (json) => {
    expect(message(json)).toMatch(/^A stored app cannot be read: the whole: /);
  });

  test('that never repeats what is in it', () => {
    const secret = 'hunter2';
    expect(message(`{"name":"a","tokens":"${secret}`)).toBe('A stored app cannot be read: it is not JSON');
    for (const change of [
      { tokens: [{ ...TOKEN, sha256: secret }] },
      { tokens: secret },
      { description: [secret] },
      { name: `${secret} ` },
      { expiresAt: secret },
    ]) {
      const text = message(JSON.stringify({ ...LEAST.app, ...change }));
      expect(text).toContain('cannot be read');
      expect(text).not.toContain(secret);
    }
  });
});

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeMessage, encodeMessage } from '../../router-core/websocket/wire/link-message.ts';

const RUNS = { numRuns: 400 };
const bytes = fc.uint8Array({ maxLength: 300 }).map((list) => Buffer.from(list));
const parts = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  channel: fc.integer({ min: 0, max: 0xffff_ffff }),
  json: fc.option(fc.dictionary(fc.string(), fc.jsonValue()), { nil: undefined }),
  body: bytes,
});

test('a message comes back as it was', () => {
  fc.assert(
    fc.property(parts, ({ type, channel, json, body }) => {
      const found = decodeMessage(encodeMessage(type, channel, json, body));
      expect(found).toMatchObject({ type, channel });
      expect(JSON.stringify(found?.json)).toBe(JSON.stringify(json ?? {}));
      expect(found?.body.equals(body)).toBe(true);
    }),
    RUNS,
  );
});

test('whatever bytes come, there is a message within them, or none', () => {
  const spoilt = fc.tuple(parts, fc.nat(), bytes).map(([{ type, channel, json, body }, at, put]) => {
    const whole = encodeMessage(type, channel, json, body);
    const where = at % (whole.length + 1);
    return Buffer.concat([whole.subarray(0, where), put, whole.subarray(where)]);
  });
  fc.assert(
    fc.property(fc.oneof(bytes, spoilt), (given) => {
      const found = decodeMessage(given);
      if (!found) return;
      expect(found.body.length).toBeLessThanOrEqual(given.length - 9);
      expect(typeof found.json === 'object' && !Array.isArray(found.json)).toBe(true);
    }),
    RUNS,
  );
});

test.each(['[]', 'null', '1', '"x"', '{', '{} {}', '['.repeat(50_000)])('%s is no message', (text) => {
  const json = Buffer.from(text);
  const prefix = Buffer.alloc(9, 0);
  prefix.writeUInt32BE(json.length, 5);
  expect(decodeMessage(Buffer.concat([prefix, json]))).toBeUndefined();
});

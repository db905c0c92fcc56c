import * as fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, test } from 'vitest';
import { decodeFrame, encodeFrame, FENCE, type FrameParts } from '../../router-core/exchange/frames.ts';
import {
  decodeReplyHead,
  decodeRequestHead,
  encodeReplyHead,
  encodeRequestHead,
} from '../../router-core/exchange/heads.ts';
import { decodeCard } from '../../router-core/redis/agent/agent-card.ts';
import { decodeLinkedAgents } from '../../router-core/redis/agent/linked-agents.ts';
import { decodeBeat } from '../../router-core/redis/agent/beat-reply.ts';
import { decodeEntries } from '../../router-core/redis/agent/pulled-requests.ts';
import { decodeRenewal } from '../../router-core/redis/agent/renewals.ts';
import { deadRequest } from '../../router-core/redis/control/dead-requests.ts';
import { liveInstance, slotsOfRows } from '../../router-core/redis/control/live-instance.ts';
import { requestOf } from '../../router-core/redis/control/requests-in-flight.ts';
import { decodePlace } from '../../router-core/redis/hub/admissions.ts';
import { decodeSweep } from '../../router-core/redis/hub/sweep.ts';
import { decodeMeta } from '../../router-core/redis/scripts/meta.ts';
import { ConfigReader } from '../../router-core/config/config-state.ts';

// Whatever bytes Redis holds: nothing throws, nothing is made that is larger than what was read, and what was written comes
// back. A failure prints its seed and path, with which fc.assert() repeats it.

const RUNS = { numRuns: 400 };

/** Not connected: decoders only ask it where it leads to. */
const client = new Redis({ lazyConnect: true });
afterAll(() => client.disconnect());

const latin1 = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const bytes = (maxLength = 300) => fc.uint8Array({ maxLength }).map((list) => Buffer.from(list));
const word = fc.stringMatching(/^[\w.-]{1,40}$/);

const parts: fc.Arbitrary<FrameParts> = fc.record({
  owner: fc.option(latin1(255), { nil: undefined }),
  head: fc.option(latin1(2_000), { nil: undefined }),
  credit: fc.option(fc.integer({ min: 1, max: 0xffff_ffff }), { nil: undefined }),
  failed: fc.option(latin1(500), { nil: undefined }),
  end: fc.option(latin1(500), { nil: undefined }),
  body: fc.option(fc.array(bytes(), { minLength: 1, maxLength: 4 }), { nil: undefined }),
  stop: fc.boolean(),
});
const address = fc.record({
  id: word,
  attempt: fc.integer({ min: 0, max: 0xffff }),
  seq: fc.integer({ min: 0, max: FENCE }),
});
const frame = fc
  .tuple(address, parts)
  .map(([{ id, attempt, seq }, given]) => encodeFrame(id, attempt, seq, given));

/** Bytes that were right until some of them were changed, left out or put in. */
const mutated = (whole: fc.Arbitrary<Buffer>) =>
  fc
    .tuple(whole, fc.array(fc.tuple(fc.nat(), bytes(6), fc.nat(6)), { minLength: 1, maxLength: 4 }))
    .map(([good, changes]) => {
      let spoilt = good;
      for (const [where, put, taken] of changes) {
        const at = where % (spoilt.length + 1);
        spoilt = Buffer.concat([spoilt.subarray(0, at), put, spoilt.subarray(at + taken)]);
      }
      return spoilt;
    });

/** Replies that a foreign script might make: texts, numbers, nothing, and lists of all of them. */
const anyReply = fc.anything({
  values: [
    latin1(60),
    fc.integer(),
    fc.double(),
    fc.constantFrom('0', '1', '0+gpu', '1e999', '9'.repeat(400), '-1'),
  ],
  maxDepth: 3,
});
/** Rows that are right but for some. */
const rows = (...right: unknown[]) =>
  fc
    .tuple(...right.map((each) => fc.oneof({ weight: 6, arbitrary: fc.constant(each) }, anyReply)))
    .chain((list) =>
      fc.oneof(
        fc.constant([...list]),
        fc.nat(list.length).map((count) => list.slice(0, count)),
      ),
    );

describe('a frame', () => {
  test('comes back as it was', () => {
    fc.assert(
      fc.property(address, parts, fc.nat(20), (where, given, offset) => {
        const whole = encodeFrame(where.id, where.attempt, where.seq, given);
        const { frame: found, next } =
          decodeFrame(Buffer.concat([Buffer.alloc(offset), whole]), offset) ?? {};
        const { body, stop: _stop, credit = 0, ...texts } = given;
        expect(next).toBe(offset + whole.length);
        expect(found).toMatchObject({ ...where, ...texts, credit });
        expect(found?.body?.toString('hex')).toBe(body && Buffer.concat(body).toString('hex'));
      }),
      RUNS,
    );
  });

  test.each([
    ['any bytes', bytes(2_000)],
    ['a frame with changes', mutated(frame)],
    [
      'several frames with changes',
      mutated(fc.array(frame, { maxLength: 4 }).map((list) => Buffer.concat(list))),
    ],
  ])('of %s is one within them, or none', (_what, given) => {
    fc.assert(
      fc.property(given, (message) => {
        let at = 0;
        for (let found = decodeFrame(message); found; found = decodeFrame(message, at)) {
          const { owner, head, failed, end, handed, body, id } = found.frame;
          const size = [owner, head, failed, end, handed, body, id].reduce(
            (sum, part) => sum + (part?.length ?? 0),
            0,
          );
          // Each step goes forward, so it ends; and no part has bytes that are not there.
          expect(found.next).toBeGreaterThan(at);
          expect(found.next).toBeLessThanOrEqual(message.length);
          expect(size).toBeLessThanOrEqual(found.next - at);
          at = found.next;
        }
      }),
      RUNS,
    );
  });
});

describe('a head', () => {
  const fields = fc
    .array(
      fc.tuple(fc.stringMatching(/^[A-Za-z-]{1,20}$/), fc.stringMatching(/^[\x20-\x7e\x80-\xff]{0,40}$/)),
      { maxLength: 6 },
    )
    .map((list) => list.map(([name, value]) => `${name}: ${value}\r\n`).join(''));

  test('of a request comes back as it was', () => {
    const head = fc.record({
      method: fc.constantFrom('GET', 'M-SEARCH'),
      target: fc.stringMatching(/^\/[\x21-\x7e]{0,60}$/),
      upgrade: fc.constantFrom('', 'websocket'),
      fields,
    });
    fc.assert(
      fc.property(head, (given) => {
        expect(decodeRequestHead(encodeRequestHead(given))).toEqual(given);
      }),
      RUNS,
    );
  });

  test('of a reply comes back as it was', () => {
    const head = fc.record({
      status: fc.integer({ min: 100, max: 999 }),
      reason: fc.stringMatching(/^[\x20-\x7e\x80-\xff]{0,40}$/),
      upstreamMs: fc.double({ min: 0, max: 1e7, noNaN: true }).map((ms) => ms + 0),
      fields,
    });
    fc.assert(
      fc.property(head, (given) => {
        expect(decodeReplyHead(encodeReplyHead(given))).toEqual(given);
      }),
      RUNS,
    );
  });

  test('of anything is none, or one that can be sent on', () => {
    const text = fc.oneof(
      latin1(300),
      mutated(fields.map((each) => Buffer.from(`GET\n/\n\n${each}`, 'latin1'))).map((each) =>
        each.toString('latin1'),
      ),
    );
    fc.assert(
      fc.property(text, (given) => {
        const request = decodeRequestHead(given);
        if (request) expect(`${request.method}${request.target}${request.upgrade}`).not.toMatch(/[\r\n\0]/);
        const reply = decodeReplyHead(given);
        if (reply) expect(Number.isInteger(reply.status) && Number.isFinite(reply.upstreamMs)).toBe(true);
      }),
      RUNS,
    );
  });
});

const META = 'x-1 1 2 s hub 9999999999999 9999999999999 -';
const metaBytes = mutated(fc.constant(Buffer.from(META)));

test('a meta of anything is none, or has an attempt that a frame can carry', () => {
  expect(decodeMeta(META)).toMatchObject({ id: 'x-1', attempt: 1, flags: 's', hub: 'hub' });
  fc.assert(
    fc.property(fc.oneof(metaBytes, bytes()), (given) => {
      const meta = decodeMeta(given.toString('latin1'));
      if (meta) expect(encodeFrame(meta.id, meta.attempt, 1, {}).length).toBeGreaterThan(0);
    }),
    RUNS,
  );
});

test('entries of anything are requests or are to be settled', () => {
  const entry = fc.tuple(
    fc.constant(Buffer.from('1-1')),
    fc.tuple(fc.oneof(metaBytes, bytes()), fc.oneof(mutated(frame), bytes())),
  );
  const reply = fc.oneof(
    anyReply,
    fc.tuple(
      fc.tuple(
        bytes(20),
        fc.array(fc.oneof(entry, anyReply, rows(Buffer.from('1-1'), [Buffer.from(META)])), { maxLength: 4 }),
      ),
    ),
  );
  fc.assert(
    fc.property(reply, (given) => {
      const { requests, bad } = decodeEntries(given, { client, redisNow: 1 });
      for (const { attempt, remainingMs } of requests)
        expect(attempt > 0 && Number.isFinite(remainingMs)).toBe(true);
      for (const each of bad) expect(each.entry).toMatch(/^\d+-\d+$/);
    }),
    RUNS,
  );
});

test('what scripts reply is understood or not, whatever it is', () => {
  const replies = fc.oneof(
    anyReply,
    rows('1000', '6000', 1, ['0'], '1', 0, [8, 'active'], '', 'lost'),
    rows(1, 0, 1, ['0', '1+gpu'], '123', '0', '1-1', META),
  );
  fc.assert(
    fc.property(replies, (given) => {
      const beat = decodeBeat(given, 'mr:{g}:lanes', 1);
      if (beat) expect(beat.leaseMs >= 100 && Number.isSafeInteger(beat.now)).toBe(true);
      for (const { slots } of beat?.grants ?? []) expect(slots).toBeGreaterThanOrEqual(0);
      const sweep = decodeSweep(given, 'mr:{g}:lanes');
      for (const lane of sweep?.lanes ?? []) expect(lane).toMatch(/^\d+(\+[\w.-]+)*$/);
      const renewal = decodeRenewal(given);
      if (renewal) expect(renewal.leaseMs).toBeGreaterThanOrEqual(100);
      decodePlace(given);
    }),
    RUNS,
  );
});

test('rows of reports, requests and dead ones, cards and stored objects are shown or left out, and can be written as JSON', () => {
  const gpus = [{ name: 'g', memoryBytes: 1, driver: '1', count: 1 }];
  const hardware = { cpu: 'c', cores: 1, memoryBytes: 1, gpus, os: 'o', arch: 'a', node: '1' };
  const counted = { concurrency: 1, inFlight: 0, state: 'ready' };
  const report = JSON.stringify({ name: 'a', version: '1', ...counted, labels: { zone: 'eu' }, hardware });
  const card = JSON.stringify({ agent: 'a', group: 'g', concurrency: 1, scopes: [] });
  const json = fc.oneof(
    fc.json(),
    ...[report, card].map((text) =>
      mutated(fc.constant(Buffer.from(text))).map((each) => each.toString('latin1')),
    ),
    latin1(60),
  );
  const reader = new ConfigReader();
  fc.assert(
    fc.property(
      json,
      anyReply,
      metaBytes,
      fc.array(latin1(40), { maxLength: 8 }),
      (text, any, meta, list) => {
        expect([...slotsOfRows({ row: any }).values()].every((slots) => slots >= 0)).toBe(true);
        const row = ['1', list[0] ?? '', meta.toString('latin1'), ...list];
        const made = [
          decodeCard(text),
          liveInstance('g', 'i', text, 1),
          decodeLinkedAgents(text),
          requestOf({ group: 'g', stream: 'waiting', row, nowMs: 1 }),
          deadRequest({ group: 'g', id: `${list[0]}-0`, fields: ['m', meta.toString('latin1'), ...list] }),
          reader.read(1, [['a', text], list, [], ['x']], () => undefined),
        ];
        expect(() => JSON.stringify(made)).not.toThrow();
      },
    ),
    RUNS,
  );
});

import { expect, test } from 'vitest';
import { encodeFrame } from '../../router-core/exchange/frames.ts';
import { encodeRequestHead } from '../../router-core/exchange/heads.ts';
import { badInput } from '../../router-core/runtime/bad-input.ts';
import { ask } from '../support/ask.ts';
import { agentHere, hubHere, redisHere, upstreamHere, withRedis } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

const HEAD = encodeRequestHead({ method: 'GET', target: '/', upgrade: '', fields: '' });
const GOOD = encodeFrame('x-1', 1, 0, { head: HEAD, end: '' });
const meta = (attempt: number | string, deadline: number | string = 9_999_999_999_999) =>
  `x-1 ${attempt} 2 s somehub ${deadline} ${deadline} -`;

// Each is put into the lane of an honest agent, by whoever else may write there.
const BAD: [what: string, meta: string | Buffer, payload: Buffer][] = [
  ['a meta that is none', 'x', GOOD],
  ['a meta of a mebibyte', Buffer.alloc(1024 * 1024, 'x '), GOOD],
  ['an attempt that no frame can carry', meta(65_536), GOOD],
  ['an attempt with four hundred digits', meta('9'.repeat(400)), GOOD],
  ['a deadline with four hundred digits', meta(1, '9'.repeat(400)), GOOD],
  ['a payload that is no frame', meta(1), Buffer.from([0])],
  ['a payload without a head', meta(1), encodeFrame('x-1', 1, 0, { end: '' })],
  ['two payloads', meta(1), Buffer.concat([GOOD, GOOD])],
  [
    'a target that ends its line',
    meta(1),
    encodeFrame('x-1', 1, 0, { head: 'GET\n/ HTTP/1.1\r\nX: y\n\n', end: '' }),
  ],
  ['fields that end the head', meta(1), encodeFrame('x-1', 1, 0, { head: `${HEAD}A: b\r\n\r\n`, end: '' })],
];

test.each(BAD)('a lane entry with %s is settled, and the agent goes on', async (_what, name, payload) => {
  const { url } = await redisHere();
  const group = uniqueGroup();
  let called = 0;
  const upstream = await upstreamHere((_req, res) => {
    called += 1;
    res.end('ok');
  });
  const hub = await hubHere(url, group);
  await agentHere(url, group, upstream.url);
  const before = badInput.counts.entry;
  await withRedis(url, async (redis) => {
    await redis.xadd(`mr:{${group}}:lane:0`, '*', name, payload);
    await waitFor(async () => (await redis.xlen(`mr:{${group}}:lane:0`)) === 0, { what: 'the entry to go' });
    expect((await redis.xpending(`mr:{${group}}:lane:0`, 'agents'))[0]).toBe(0);
  });
  expect(badInput.counts.entry - before).toBe(1);
  expect((await ask(hub.url)).status).toBe(200);
  expect(called).toBe(1);
});

test('bad entries in a line stop nobody who waits there', async () => {
  const { url } = await redisHere();
  const group = uniqueGroup();
  const upstream = await upstreamHere((_req, res) => res.end('ok'));
  const hub = await hubHere(url, group);
  await withRedis(url, async (redis) => {
    for (const [, name, payload] of BAD.slice(0, 5)) {
      for (const line of ['waiting', 'redelivery'])
        await redis.xadd(`mr:{${group}}:${line}`, '*', name, payload);
    }
    const waiting = ask(hub.url);
    await agentHere(url, group, upstream.url);
    expect((await waiting).status).toBe(200);
    const left = async () =>
      (await redis.xlen(`mr:{${group}}:waiting`)) + (await redis.xlen(`mr:{${group}}:redelivery`));
    await waitFor(async () => (await left()) === 0, { what: 'the lines to be empty' });
  });
});

test('the client of a request that no agent can read is told so at once', async () => {
  const { url } = await redisHere();
  const group = uniqueGroup();
  const upstream = await upstreamHere((_req, res) => res.end('ok'));
  const hub = await hubHere(url, group);
  const lane = `mr:{${group}}:lane:0`;
  await withRedis(url, async (redis) => {
    const waiting = ask(hub.url);
    const [entry] = await waitFor(
      async () => (await redis.xrangeBuffer(`mr:{${group}}:waiting`, '-', '+'))[0],
      {
        what: 'the request to wait',
      },
    );
    const [[, [found]]] = (await redis.xrangeBuffer(`mr:{${group}}:waiting`, '-', '+')) as [
      [Buffer, [Buffer]],
    ];
    await redis.xdel(`mr:{${group}}:waiting`, entry);
    await redis.xadd(lane, '*', found, 'spoilt');
    await agentHere(url, group, upstream.url);
    const { status, headers } = await waiting;
    expect({ status, error: headers['router-error'] }).toEqual({ status: 502, error: 'upstream-failed' });
  });
});

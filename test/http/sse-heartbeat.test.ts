import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configure } from '../support/config.ts';
import { openRaw, rawRequest } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startTestAgent, startTestHub, startUpstream, uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

const EVERY_MS = 100;
const COMMENT = ': \n\n';

let redis: TestRedis;
const closing: (() => Promise<unknown>)[] = [];
const streams = new Map<string, ServerResponse>();
let port = 0;

beforeAll(async () => {
  redis = await startRedis();
  const group = uniqueGroup();
  const to = { groups: [{ group }], timeouts: { idleMs: 1_500 } };
  await configure(redis.url, {
    groups: [{ name: group }],
    routes: [
      { name: 'beating', match: { path: '/beating/*' }, sse: { heartbeatMs: EVERY_MS }, ...to },
      { name: 'plain', match: { path: '/plain/*' }, ...to },
    ],
  });
  const upstream = await startUpstream((req, res) => void streams.set(req.url ?? '', res));
  const agent = await startTestAgent(redis.url, group, upstream.url, { drainMs: 100 });
  const hub = await startTestHub(redis.url, '', { groups: [], drainMs: 100 });
  ({ port } = hub);
  closing.push(
    () => hub.close(),
    () => agent.close(),
    () => upstream.close(),
    () => redis.stop(),
  );
});
afterAll(async () => {
  for (const close of closing) await close();
});

let count = 0;

/** A reply whose head is there; `type` is its Content-Type. */
async function open(route: string, fields: Record<string, string> = {}) {
  const url = `/${route}/${(count += 1)}`;
  const client = await openRaw(port);
  client.write(rawRequest([`GET ${url} HTTP/1.1`, 'Host: h']));
  const res = await waitFor(() => streams.get(url), { what: 'the request at the upstream' });
  res.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', ...fields }).flushHeaders();
  await waitFor(() => client.received().includes('\r\n\r\n'), { what: 'the head' });
  const comments = () => client.received().split(COMMENT).length - 1;
  return { client, res, comments };
}

test('a silent stream gets comments before its first event and between events, and all of its own bytes', async () => {
  const { client, res, comments } = await open('beating');
  await waitFor(() => comments() >= 2, { what: 'comments at the beginning' });
  res.write('data: 1\n\n');
  await waitFor(() => client.received().includes('data: 1'), { what: 'the event' });
  const before = comments();
  await waitFor(() => comments() >= before + 2, { what: 'comments behind an event' });
  res.end('data: 2\r\n\r\n');
  const { body } = await client.reply();
  expect(body.toString().replaceAll(COMMENT, '')).toBe('data: 1\n\ndata: 2\r\n\r\n');
  client.close();
});

test.each([['data: half'], ['data: line\n'], ['data: line\r\n'], ['data: line\r'], ['data: 1\n\ndata']])(
  'nothing is written into an event: %j',
  async (text) => {
    const { client, res } = await open('beating');
    res.write(text);
    await waitFor(() => client.received().includes(text), { what: 'a part of the event' });
    await delay(4 * EVERY_MS);
    const received = client.received();
    expect(received.slice(received.lastIndexOf(text) + text.length)).not.toContain(COMMENT);
    client.close();
  },
);

test.each([['\n\n'], ['\r\n\r\n'], ['\r\r'], ['\n\r\n'], ['\r\n\n']])(
  'an event ends with %j, however it is cut',
  async (end) => {
    const { client, res, comments } = await open('beating');
    res.write('data: 1');
    for (const byte of end) {
      res.write(byte);
      await delay(5);
    }
    await waitFor(() => client.received().includes('data: 1'), { what: 'the event' });
    const before = comments();
    await waitFor(() => comments() > before, { what: 'a comment behind the event' });
    client.close();
  },
);

test.each<[what: string, route: string, fields: Record<string, string>]>([
  ['of a route that does not ask for it', 'plain', {}],
  ['of another type', 'beating', { 'Content-Type': 'application/x-ndjson' }],
  ['that is encoded', 'beating', { 'Content-Encoding': 'gzip' }],
  ['whose length is known', 'beating', { 'Content-Length': '1000' }],
])('a reply %s gets no comment', async (_what, route, fields) => {
  const { client, comments } = await open(route, fields);
  await delay(4 * EVERY_MS);
  expect(comments()).toBe(0);
  client.close();
});

test('comments do not keep a dead stream alive', async () => {
  const { client, res, comments } = await open('beating');
  res.write('data: 1\n\n');
  await client.ended;
  expect(comments()).toBeGreaterThan(3);
  expect(client.received()).not.toContain('\r\n0\r\n\r\n');
  client.close();
});

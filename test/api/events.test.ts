import { expect, onTestFinished, test } from 'vitest';
import { apiHere, problemOf, type ApiClient } from '../support/api.ts';
import { redisHere } from '../support/parts.ts';
import { openRaw, rawRequest } from '../support/raw-http.ts';
import { waitFor } from '../support/wait.ts';

interface Seen {
  readonly name: string;
  readonly data: { version: number; changes?: object[]; groups?: object[] };
}

interface Following {
  readonly status: number;
  readonly events: Seen[];
  isOver: boolean;
  stop(): void;
}

/** Follows the events of an API until the test ends. */
async function follow({ url, token }: ApiClient): Promise<Following> {
  const stopping = new AbortController();
  onTestFinished(() => stopping.abort());
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${url}/v1/events`, { headers, signal: stopping.signal });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const following: Following = {
    status: response.status,
    events: [],
    isOver: false,
    stop: () => stopping.abort(),
  };
  const read = async () => {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const [, name = '', data = '{}'] = /^event: (.+)\ndata: (.+)$/.exec(block) ?? [];
        if (name !== '') following.events.push({ name, data: JSON.parse(data) as Seen['data'] });
      }
    }
  };
  void read()
    .catch(() => undefined)
    .finally(() => (following.isOver = true));
  return following;
}

const named = ({ events }: Following, wanted: string) => events.filter(({ name }) => name === wanted);

test('changes come as they are made, the status every second', async () => {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  const other = await apiHere(redis.url);
  await api.create('group', { name: 'gpu' });
  const following = await follow(api);
  expect(following.status).toBe(200);
  await waitFor(() => named(following, 'change').length === 1, { what: 'the version to begin with' });
  expect(named(following, 'change')[0]?.data.changes).toEqual([]);

  // By another process: it is the configuration that is followed, not this API.
  await other.patch('/v1/groups/gpu', { paused: true });
  await waitFor(() => named(following, 'change').length === 2, { timeoutMs: 2_000, what: 'the change' });
  const { version } = (await api.get('/v1/status')).body as { version: number };
  expect(named(following, 'change')[1]?.data).toEqual({
    version,
    changes: [{ kind: 'group', name: 'gpu', change: 'changed' }],
  });

  const before = named(following, 'status').length;
  await waitFor(() => named(following, 'status').length >= before + 2, {
    timeoutMs: 5_000,
    what: 'two more status',
  });
  expect(named(following, 'status').at(-1)?.data).toEqual((await api.get('/v1/status')).body);
});

test('they end with the token', async () => {
  const api = await apiHere((await redisHere()).url);
  const eve = await follow(await api.admin('viewer', 'eve'));
  const root = await follow(api);
  await waitFor(() => eve.events.length > 0, { what: 'events' });
  await api.post('/v1/admins/eve/revoke');
  await waitFor(() => eve.isOver, { timeoutMs: 2_500, what: 'the end' });
  const seen = root.events.length;
  await waitFor(() => root.events.length > seen, { what: 'more for who may see them' });
  expect(root.isOver).toBe(false);
});

/** The status of another connection; it ends at once. */
async function statusOf({ url, token }: ApiClient): Promise<number> {
  const controller = new AbortController();
  onTestFinished(() => controller.abort());
  const headers = { authorization: `Bearer ${token}` };
  const { status } = await fetch(`${url}/v1/events`, { headers, signal: controller.signal });
  controller.abort();
  return status;
}

const many = (count: number, api: ApiClient) => Promise.all(Array.from({ length: count }, () => follow(api)));

test('only so many may follow; who leaves makes room', async () => {
  const api = await apiHere((await redisHere()).url);
  const all = [];
  for (let i = 0; i < 10; i++) all.push(...(await many(10, await api.admin('viewer', `eve-${i}`))));
  const refused = await api.get('/v1/events');
  expect(problemOf(refused)).toEqual({ status: 503, code: 'busy' });
  expect(refused.headers.get('retry-after')).toBe('10');
  all[0]?.stop();
  const next = await waitFor(async () => (await statusOf(api)) === 200, { what: 'room' });
  expect(next).toBe(true);
});

test('one admin may have sixteen connections, and does not take the place of others', async () => {
  const api = await apiHere((await redisHere()).url);
  const eve = await api.admin('viewer', 'eve');
  // Another one than the operator of the same name.
  const namesake = await api.admin('viewer', 'root');
  const all = await many(16, eve);
  await many(16, api);
  const refused = await eve.get('/v1/events');
  expect(problemOf(refused)).toEqual({ status: 429, code: 'too-many-requests' });
  expect(refused.headers.get('retry-after')).toBe('10');
  expect((refused.body as { detail: string }).detail).toContain('"eve" follows events over 16 connections');
  expect([await statusOf(namesake), await statusOf(eve)]).toEqual([200, 429]);
  expect((await eve.get('/v1/groups')).status).toBe(200);

  all[0]?.stop();
  await waitFor(async () => (await statusOf(eve)) === 200, { what: 'a place that was given back' });
});

test.each([
  ['HEAD, whose body nobody reads', 'HEAD'],
  ['GET, and reading nothing', 'GET'],
])('places are given back when the connection closes: %s', async (_what, method) => {
  const api = await apiHere((await redisHere()).url);
  const port = Number(new URL(api.url).port);
  const head = rawRequest([`${method} /v1/events HTTP/1.1`, 'Host: h', `Authorization: Bearer ${api.token}`]);
  const open = await Promise.all(Array.from({ length: 16 }, () => openRaw(port)));
  for (const connection of open) {
    connection.socket.pause();
    connection.write(head);
  }
  if (method === 'GET') {
    await waitFor(async () => (await statusOf(api)) === 429, { what: 'all places to be taken' });
  }
  for (const connection of open) connection.close();
  await waitFor(async () => (await statusOf(api)) === 200, { what: 'a place' });
  await many(15, api);
});

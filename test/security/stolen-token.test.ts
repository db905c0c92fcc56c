import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGuardedRedis, type GuardedRedis } from '../support/agent-logins.ts';
import { encodeFrame } from '../../router-core/exchange/frames.ts';
import { encodeRequestHead } from '../../router-core/exchange/heads.ts';
import { ask } from '../support/ask.ts';
import { agentHere, hubHere, upstreamHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';
import { inPieces, metaOf, wholeReply } from './support/by-hand.ts';
import { thiefHere } from './support/thief.ts';

// docs/security.md says what the holder of an agent's token can do: in its own group, and to the Redis that all share.

let redis: GuardedRedis;
beforeAll(async () => {
  redis = await startGuardedRedis();
});
afterAll(() => redis.stop());

function post(url: string, body: string, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const req = httpRequest(url, { method: 'POST', headers, agent: false }, (res) => {
      let text = '';
      res.setEncoding('latin1').on('data', (piece: string) => (text += piece));
      res.on('end', () => resolve(`${res.statusCode} ${text}`));
    });
    req.on('error', reject);
    req.end(body);
  });
}

test('it pulls requests of its group, reads them with headers and bodies, and answers them with anything', async () => {
  const group = uniqueGroup();
  const thief = await thiefHere(redis, group);
  const hub = await hubHere(redis.adminUrl, group);
  await thief.join();

  const answered = post(`${hub.url}/login`, 'password=letmein', { cookie: 'session=secret' });
  const [request] = await thief.pull();
  if (!request) throw new Error('nothing was pulled');
  expect(request.head).toMatch(/^POST\n\/login\n/);
  expect(request.head.toLowerCase()).toContain('cookie: session=secret');
  expect(request.payload.toString('latin1')).toContain('password=letmein');

  await thief.reply(request, [wholeReply(thief.instance, ['X-By: thief'], 'anything')]);
  await thief.settle(request);
  expect(await answered).toBe('200 anything');
});

test('it puts requests of its own in line, which the agents of the group run', async () => {
  const group = uniqueGroup();
  const seen: string[] = [];
  const upstream = await upstreamHere((req, res) => {
    seen.push(`${req.method} ${req.url} ${req.headers.cookie}`);
    res.end();
  });
  const thief = await thiefHere(redis, group);
  const hub = await hubHere(redis.adminUrl, group);
  await agentHere(redis.adminUrl, group, upstream.url);
  expect((await ask(hub.url)).status).toBe(200);

  const { client, keys } = thief;
  const [id, owner] = ['forged-1', 'forged'];
  await client.zadd(keys.hubs, Date.now() + 60_000, owner);
  const head = { method: 'POST', target: '/transfer', upgrade: '', fields: 'Cookie: forged\r\n' };
  const payload = encodeFrame(id, 1, 0, { head: encodeRequestHead(head), end: '' });
  await client.xadd(keys.waiting, '*', metaOf({ id, hub: owner }), payload);
  await waitFor(() => seen.includes('POST /transfer forged'), { what: 'the upstream to run it' });
});

test('it floods the Redis with commands: other groups are slower, and served', async () => {
  const group = uniqueGroup();
  const upstream = await upstreamHere((_req, res) => res.end('ok'));
  const thief = await thiefHere(redis, uniqueGroup());
  const hub = await hubHere(redis.adminUrl, group);
  await agentHere(redis.adminUrl, group, upstream.url);
  expect((await ask(hub.url)).body).toBe('ok');

  const { client, keys } = thief;
  const commands = Array.from({ length: 50_000 }, (_, i) => ['hset', keys.reports, 'x', String(i)]);
  const flood = inPieces(commands, (piece) => client.pipeline([...piece]).exec());
  for (let i = 0; i < 20; i++) expect((await ask(hub.url)).body).toBe('ok');
  await flood;
});

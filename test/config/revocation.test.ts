import type { Duplex } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { ask, startAsking } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { configure, configuredHub, inMs, newToken } from '../support/config.ts';
import { agentHere, expectNothingLeft, redisHere, upstreamHere } from '../support/parts.ts';
import { openRaw, rawRequest } from '../support/raw-http.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// A token that is taken away opens nothing more, and what it has opened is ended.

async function start() {
  const redis = await redisHere();
  const group = uniqueGroup();
  const mine = newToken('app');
  const another = newToken('app');
  const apps = (tokens = [mine.stored]) => [
    { name: 'shop', tokens },
    { name: 'another', tokens: [another.stored] },
  ];
  await configure(redis.url, {
    groups: [{ name: group, leaseMs: 1_500 }],
    routes: [{ name: 'guarded', groups: [{ group }], auth: 'app' }],
    apps: apps(),
  });
  const counter = countCalls((req, res) => {
    if (req.url === '/stream') res.write('begun');
    else if (req.url !== '/silent') res.end('served');
  });
  const upstream = await upstreamHere(counter.listener);
  const switched: Duplex[] = [];
  upstream.server.on('upgrade', (_req, socket: Duplex) => {
    switched.push(socket);
    socket.on('error', () => undefined);
    socket.write(rawRequest(['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: echo/1']));
    socket.pipe(socket);
  });
  onTestFinished(() => switched.forEach((socket) => socket.destroy()));
  await agentHere(redis.url, group, upstream.url);
  const hub = await configuredHub(redis.url);
  const asApp = ({ token }: { token: string }) => ({ headers: { 'router-token': token } });
  return { redis, group, hub, counter, switched, mine, another, apps, asApp };
}

test.each([
  ['the token is removed', () => []],
  ['the token expires by itself', (stored: object) => [{ ...stored, expiresAt: inMs(500) }]],
])('when %s, new requests are refused and running ones end', async (_what, left) => {
  const { redis, group, hub, counter, switched, mine, another, apps, asApp } = await start();
  const streaming = startAsking(`${hub.url}/stream`, asApp(mine));
  await streaming.received('begun');
  const silent = startAsking(`${hub.url}/silent`, asApp(mine));
  const untouched = startAsking(`${hub.url}/stream`, asApp(another));
  await untouched.received('begun');
  const client = await openRaw(hub.port);
  client.write(
    rawRequest([
      'GET /socket HTTP/1.1',
      'Host: h',
      `Router-Token: ${mine.token}`,
      'Connection: Upgrade',
      'Upgrade: echo/1',
    ]),
  );
  expect((await client.reply()).status).toBe(101);
  await waitFor(() => counter.running === 3, { what: 'the calls to run' });

  const revokedAt = performance.now();
  const tokens = left(mine.stored) as (typeof mine.stored)[];
  await configure(redis.url, { apps: apps(tokens) });

  await expect.poll(async () => (await ask(hub.url, asApp(mine))).status, { timeout: 1_000 }).toBe(401);
  expect(await streaming.outcome).toMatchObject({ outcome: 'broken', status: 200, body: 'begun' });
  expect(await silent.outcome).toMatchObject({
    status: 401,
    headers: { 'router-error': 'unauthorized', 'router-executed': 'maybe' },
  });
  await client.ended;
  await waitFor(() => counter.running === 1 && switched[0]?.destroyed, {
    what: 'the upstream calls to stop',
  });
  expect(performance.now() - revokedAt).toBeLessThan(2_000);

  expect((await ask(hub.url, asApp(another))).status).toBe(200);
  untouched.disconnect();
  await expectNothingLeft(redis.url, group);
});

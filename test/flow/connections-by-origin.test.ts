import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { ask, startAsking } from '../support/ask.ts';
import { agentHere, hubHere, redisHere, upstreamHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';

test('instances with one upstream share their connections to it', async () => {
  const redis = await redisHere();
  const group = uniqueGroup();
  const sockets = new Set<Socket>();
  const upstream = await upstreamHere((req, res) => {
    sockets.add(req.socket);
    res.end('ok');
  });
  const hub = await hubHere(redis.url, group);
  await agentHere(redis.url, group, Array<string>(16).fill(upstream.url), { concurrency: 1 });

  const answeredBy = new Set<unknown>();
  for (let i = 0; i < 60; i++) {
    const { status, headers } = await ask(hub.url);
    expect(status).toBe(200);
    answeredBy.add(headers['router-agent']);
  }
  expect(answeredBy.size).toBeGreaterThan(2);
  expect(sockets.size).toBeLessThanOrEqual(2);
});

test('one that ends leaves the calls of the others alone', async () => {
  const redis = await redisHere();
  const group = uniqueGroup();
  const upstream = await upstreamHere((_req, res) => {
    res.write('first ');
    setTimeout(() => res.end('last'), 500);
  });
  const hub = await hubHere(redis.url, group);
  const leaving = await agentHere(redis.url, uniqueGroup(), upstream.url);
  await agentHere(redis.url, group, upstream.url);

  const asked = startAsking(hub.url);
  await asked.received('first');
  await leaving.close();
  expect((await asked.outcome).body).toBe('first last');
  expect((await ask(hub.url)).status).toBe(200);
});

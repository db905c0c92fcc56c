import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { agentHere, agentProcess, hubHere, hubProcess, redisHere, upstreamHere } from '../support/parts.ts';
import { openRaw, rawRequest } from '../support/raw-http.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

test('an agent without file descriptors for all its slots gives back what it cannot start, and fails nothing', async () => {
  const redis = await redisHere();
  const group = uniqueGroup();
  let started = 0;
  const upstream = await upstreamHere((req, res) => {
    started += 1;
    req.resume().on('end', () => setTimeout(() => res.end('ok'), 2_000));
  });
  const hub = await hubHere(redis.url, group);
  // It uses some 25 while it runs, but more to load its modules.
  const limits = { flags: ['--concurrency', '400'], openFiles: 130 };
  const agent = await agentProcess(redis.url, group, upstream.url, { name: 'short', ...limits });

  const posts = Array.from({ length: 300 }, () => ask(hub.url, { method: 'POST', body: 'x' }));
  const statuses = (await Promise.all(posts)).map(({ status }) => status);

  expect(statuses).toEqual(statuses.map(() => 200));
  expect(started).toBe(300);
  const saysWhy = () => agent.stdout.includes('EMFILE: this machine has no file descriptor');
  await waitFor(saysWhy, { what: 'the log to say why it pulled nothing for a while' });
});

test('a hub without file descriptors says so once, serves the connections that it has, and then all again', async () => {
  const redis = await redisHere();
  const group = uniqueGroup();
  const upstream = await upstreamHere((_req, res) => res.end('ok'));
  await agentHere(redis.url, group, upstream.url);
  const hub = await hubProcess(redis.url, group, [], { openFiles: 130 });
  const client = await openRaw(Number(new URL(hub.url).port));
  const askOnIt = async () => {
    client.write(rawRequest(['GET / HTTP/1.1', 'Host: h']));
    return (await client.reply()).body.toString();
  };
  expect(await askOnIt()).toBe('ok');

  const idle = Array.from({ length: 200 }, () => connect(client.socket.remotePort ?? 0, '127.0.0.1'));
  for (const socket of idle) socket.on('error', () => undefined);
  onTestFinished(() => idle.forEach((socket) => void socket.destroy()));
  await hub.waitForLine('no file descriptor is free');
  expect(await askOnIt()).toBe('ok');

  for (const socket of idle) socket.destroy();
  await waitFor(
    async () =>
      ask(hub.url).then(
        ({ body }) => body === 'ok',
        () => false,
      ),
    { what: 'new connections to be served' },
  );
  expect(hub.stdout.match(/no file descriptor is free/g)).toHaveLength(1);
  client.close();
});

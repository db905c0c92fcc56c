import { expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { agentProcess, hubHere, redisHere, upstreamHere } from '../support/parts.ts';
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

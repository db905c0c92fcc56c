import { expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { agentHere, hubHere, redisHere, upstreamHere, withRedis } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

test('Redis loses a request and then its cancellation: its call ends soon after its deadline', async () => {
  const redis = await redisHere();
  const group = uniqueGroup();
  const counter = countCalls((req) => req.resume());
  const upstream = await upstreamHere(counter.listener);
  const hub = await hubHere(redis.url, group, { totalTimeoutMs: 2_000 });
  await agentHere(redis.url, group, upstream.url);
  const answer = ask(`${hub.url}/stuck`, { method: 'POST', body: 'x' });
  await waitFor(() => counter.running === 1, { what: 'the call' });

  await withRedis(redis.url, async (client) => {
    await client.flushall();
    const isOver = { yet: false };
    void answer.then(() => setTimeout(() => (isOver.yet = true), 500));
    // The reset frame that the hub leaves for the agent at the deadline.
    while (!isOver.yet) {
      const left = await client.keys('mr:*:up:*');
      if (left.length > 0) await client.del(left);
    }
  });

  expect(await answer).toMatchObject({ status: 504, headers: { 'router-error': 'deadline' } });
  await waitFor(() => counter.running === 0, { what: 'the end of the call', timeoutMs: 12_000 });
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAsking } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { agentHere, hubHere, upstreamHere, withRedis } from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { leftovers, uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** Runs a request whose reply stream is removed, as its hub does when the client has gone, before any reset is written. */
async function loseReplyStream(method: string) {
  const group = uniqueGroup();
  const counter = countCalls((req, res) => {
    req.resume();
    const timer = setInterval(() => res.write('more '), 10);
    res.on('close', () => clearInterval(timer));
  });
  const upstream = await upstreamHere(counter.listener);
  // Longer than this test: what runs again does so because the agent gave it back.
  const hub = await hubHere(redis.url, group, { leaseMs: 20_000 });
  const agent = await agentHere(redis.url, group, upstream.url, { name: 'first' });
  const asked = startAsking(hub.url, { method });
  await asked.received('more more');
  await withRedis(redis.url, async (client) => client.del(await client.keys(`mr:{${group}}:down:*`)));
  await waitFor(() => counter.running === 0, { what: 'the call to be stopped' });
  return { group, counter, upstream, agent, asked };
}

async function isEmpty(group: string): Promise<boolean> {
  const { permits, entries } = await leftovers(redis.url, group);
  return permits + entries === 0;
}

test.each(['GET', 'POST'])(
  'a %s whose reply nobody takes any more is over: its agent does not give it back when it drains',
  async (method) => {
    const { group, counter, upstream, agent, asked } = await loseReplyStream(method);
    await agentHere(redis.url, group, upstream.url, { name: 'second' });
    await agent.close();
    asked.disconnect();
    await asked.outcome;
    // With no entry left nothing can run any more; the reset that was written for it expires by itself.
    await waitFor(async () => counter.calls.length > 1 || (await isEmpty(group)), {
      what: 'the entry to go',
    });
    expect(counter.calls).toHaveLength(1);
  },
);

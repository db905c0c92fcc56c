import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, startAsking } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { agentHere, agentProcess, hubHere, upstreamHere } from '../support/parts.ts';
import { expectNothingLeft, instancesOf, withRedis } from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// Promise 6: nothing leaks. Every way in which a request can end, and then a look at what Redis still holds.

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

test(
  'no key, entry, permit or consumer is left of any request, however it ended',
  { timeout: 60_000 },
  async () => {
    const group = uniqueGroup();
    const counter = countCalls((req, res) => {
      if (req.url !== '/refuses-body') req.resume();
      if (req.url === '/quick') res.end('x');
      else if (req.url === '/missing') res.writeHead(404).end();
      else if (req.url === '/large') res.end(Buffer.alloc(3_000_000));
      else if (req.url === '/breaks') req.socket.destroy();
      else if (req.url === '/breaks-later') res.write('x', () => req.socket.destroy());
      else if (req.url === '/endless') res.write('begun');
      else if (req.url === '/refuses-body') res.writeHead(413).end();
      // Everything else is silent.
    });
    const upstream = await upstreamHere(counter.listener);
    const hub = await hubHere(redis.url, group, { firstByteTimeoutMs: 1_000 });
    const agent = await agentHere(redis.url, group, upstream.url, { concurrency: 16 });
    const start = (path: string, body?: Readable) =>
      startAsking(`${hub.url}${path}`, body ? { method: 'POST', body } : {});
    const endlessBody = () => {
      const body = new Readable({ read: () => {} });
      body.push(Buffer.alloc(100_000));
      return body;
    };

    const paths = ['/quick', '/missing', '/large', '/breaks', '/silent'];
    const statuses = await Promise.all(paths.map(async (path) => (await ask(hub.url + path)).status));
    expect(statuses).toEqual([200, 404, 200, 502, 504]);
    const cut = await start('/breaks-later').outcome;
    // 502 when the connection broke before the agent had read the head.
    expect([cut.outcome, cut.status]).not.toEqual(['answered', 200]);
    await start('/refuses-body', endlessBody()).outcome;

    const begun = start('/endless');
    await begun.received('begun');
    const uploads = start('/uploads', endlessBody());
    const silent = start('/waits');
    await waitFor(() => counter.calls.includes('/waits') && counter.calls.includes('/uploads'), {
      what: 'all to be under way',
    });
    for (const asked of [begun, uploads, silent]) asked.disconnect();
    await waitFor(() => counter.running === 0, { what: 'their calls to stop' });

    await agent.close();
    const queued = start('/queued');
    const victim = await agentProcess(redis.url, group, upstream.url, { name: 'victim' });
    await waitFor(() => counter.calls.includes('/queued'), { what: 'the victim to pull' });
    await victim.kill('SIGKILL');
    // Taken back from the victim, it waits for an agent that never comes.
    await waitFor(async () => (await instancesOf(redis.url, group)).length === 0, {
      what: 'it to be missed',
    });
    queued.disconnect();

    await expectNothingLeft(redis.url, group, 30_000);
    await withRedis(redis.url, async (client) => {
      const key = (name: string) => `mr:{${group}}:${name}`;
      const noConsumer = async () =>
        ((await client.xinfo('CONSUMERS', key('lane:0'), 'agents')) as unknown[]).length === 0;
      await waitFor(noConsumer, { what: 'the consumers to go' });
      expect(await client.xpending(key('lane:0'), 'agents')).toEqual([0, null, null, null]);
      expect(await client.hvals(key('lanes'))).toSatisfy((slots: string[]) => slots.every((n) => n === '0'));
      expect(await client.hlen(key('slots'))).toBe(0);
      expect(await client.hlen(key('reports'))).toBe(0);
    });
  },
);

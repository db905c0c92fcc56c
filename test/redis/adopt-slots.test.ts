import { expect, onTestFinished, test } from 'vitest';
import type { PulledRequest } from '../../router-core/exchange/agent-link.ts';
import { redisRelayLinks } from '../../router-core/redis/agent/redis-relay-links.ts';
import { LocalInboxes } from '../../router-core/redis/frames/local-inboxes.ts';
import { groupKeys } from '../../router-core/redis/scripts/keys.ts';
import { startFaultProxy } from '../faults/support/fault-proxy.ts';
import { agentRecords } from '../support/agent-records.ts';
import { ask } from '../support/ask.ts';
import { recordLog } from '../support/config.ts';
import { hubHere, redisHere, withRedis } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';

const LEASE_MS = 3_000;

/** A relay whose agents have these slots, by agent record. */
async function relayOf(port: number, group: string, slots: Record<string, number>) {
  const { log } = recordLog();
  const proxy = await startFaultProxy(port);
  const createLink = redisRelayLinks({
    redisUrl: `redis://127.0.0.1:${proxy.port}`,
    local: new LocalInboxes(),
  });
  const shares = Object.entries(slots).map(([record, count]) => ({ record, slots: count, running: 0 }));
  const report = { name: 'hub', version: '0', concurrency: 9, inFlight: 0, state: 'ready' } as const;
  const link = createLink({
    ...{ group, scopes: [], name: 'hub', log },
    report: () => ({ shares, report }),
    onGrants: () => undefined,
  });
  onTestFinished(async () => {
    await link.stopPulling();
    await link.close(100);
    await proxy.close();
  });
  await link.join();
  const cutOff = () => {
    proxy.set({ refusing: true });
    proxy.reset();
  };
  return { link, cutOff };
}

test.each([
  ['many records', { other: 3, mine: 2 }, 'other=3,mine=1', { other: '3', mine: '1' }],
  ['one record', { mine: 2 }, 'mine', { mine: '1' }],
])(
  'a dead relay of %s has a slot less of the record whose agent has left with a request',
  async (_what, slots, row, sums) => {
    const redis = await redisHere();
    const group = uniqueGroup();
    const hub = await hubHere(redis.url, group, { leaseMs: LEASE_MS });
    const records = agentRecords(redis.url);
    for (const record of ['other', 'mine', 'later']) await records.set(record, { group });
    const keys = groupKeys(group);
    const former = await relayOf(redis.port, group, slots);
    const asked = ask(hub.url);
    const pulled: PulledRequest[] = [];
    for (let pulls = 0; pulls < 5 && pulled.length === 0; pulls++)
      await former.link.pull(1, (request) => pulled.push(request));
    const [request] = pulled;
    if (!request) throw new Error('nothing was pulled');
    former.cutOff();
    const next = await relayOf(redis.port, group, { later: 1 });

    const from = former.link.placeOf(request);
    const adopted = await next.link.adopt(from, { turn: 1, have: 0, record: 'mine' });

    await withRedis(redis.url, async (client) => {
      expect((await client.hget(keys.slots, former.link.instance))?.split(' ').at(-1)).toBe(row);
      expect(await client.hgetall(keys.agentSlots)).toMatchObject(sums);
      const [lane = ''] = from.place.split(' ');
      const total = Object.values(sums).reduce((sum, each) => sum + Number(each), 0);
      expect(await client.hget(keys.lanes, lane)).toBe(String(total));
    });
    adopted
      ?.open({
        onBody: () => undefined,
        onBodyEnd: () => undefined,
        onStop: () => undefined,
        onWritable: () => undefined,
        onSettled: () => undefined,
      })
      .reply.fail('upstream-failed', 'for the test');
    expect((await asked).status).toBe(502);
  },
);

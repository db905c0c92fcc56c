import { expect, test } from 'vitest';
import { agentRecords } from '../support/agent-records.ts';
import { ask } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { configure, configuredHub } from '../support/config.ts';
import { startLoad, tally } from '../support/load.ts';
import { agentHere, expectNothingLeft, redisHere, upstreamHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// The limit of a group is one for all its scopes: what one of them frees may be another's turn.

/** A group that may run two requests at once, an agent without scopes, and one of scope eu. */
async function start() {
  const redis = await redisHere();
  const group = uniqueGroup();
  await configure(redis.url, {
    groups: [{ name: group, leaseMs: 1_500, concurrency: 2 }],
    routes: [{ name: 'all', groups: [{ group }] }],
  });
  const records = agentRecords(redis.url);
  const hub = await configuredHub(redis.url);
  const counter = countCalls((_req, res) => setTimeout(() => res.end('served'), 5));
  const upstream = await upstreamHere(counter.listener);
  for (const [name, scopes] of Object.entries({ plain: [], eu: ['eu'] })) {
    const token = await records.set(name, { group, scopes });
    await agentHere(redis.url, group, upstream.url, { token, name, concurrency: 4 });
  }
  const askForAny = (n: number) => ask(`${hub.url}/${n}`);
  const askForEu = () => ask(hub.url, { headers: { 'router-scope': 'eu' } });
  await waitFor(async () => (await askForEu()).status === 200, { what: 'the hub to know the scope' });
  return { redis, group, counter, askForAny, askForEu };
}

test.each(['a scope', 'no scope'])(
  'requests that ask for %s get their turn while the others use the limit up',
  async (which) => {
    const { redis, group, counter, askForAny, askForEu } = await start();
    const [few, many] = which === 'a scope' ? [askForEu, askForAny] : [() => askForAny(0), askForEu];
    const load = startLoad(16, many);
    await waitFor(() => counter.running === 2, { what: 'the limit to be reached' });

    for (let i = 0; i < 5; i++) {
      const { status, elapsedMs } = await few();
      expect(status).toBe(200);
      expect(elapsedMs).toBeLessThan(2_000);
    }

    expect(Object.keys(tally(await load.stop()))).toEqual(['answered 200']);
    expect(counter.most).toBe(2);
    await expectNothingLeft(redis.url, group);
  },
);

import { expect, test } from 'vitest';
import { agentRecords, reportsOf } from '../support/agent-records.ts';
import { ask } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { configure, configuredHub } from '../support/config.ts';
import { agentHere, expectNothingLeft, redisHere, upstreamHere, withRedis } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// A request that asks for a scope runs where an agent's record carries it, and nowhere else.

/** Upstreams answer with the name of their agent; `/hold…` when released. `/eu/*` asks for scope eu by its route. */
async function start() {
  const redis = await redisHere();
  const group = uniqueGroup();
  await configure(redis.url, {
    groups: [{ name: group, leaseMs: 1_500, queue: { waitMs: 10_000 } }],
    routes: [
      { name: 'all', groups: [{ group }] },
      { name: 'eu', match: { path: '/eu/*' }, groups: [{ group }], scope: 'eu' },
    ],
  });
  const records = agentRecords(redis.url);
  const hub = await configuredHub(redis.url);
  const held: (() => void)[] = [];
  const startAgent = async (name: string, scopes: string[], concurrency = 1) => {
    const counter = countCalls((req, res) => {
      if (req.url?.includes('hold')) held.push(() => res.end(name));
      else res.end(name);
    });
    const upstream = await upstreamHere(counter.listener);
    const token = await records.set(name, { group, scopes });
    await agentHere(redis.url, group, upstream.url, { token, name, concurrency, drainMs: 20_000 });
    // The hub learns of a scope with its next sweep.
    for (const scope of scopes) {
      await waitFor(async () => (await askFor(scope, '/known', { timeoutMs: 200 })).status !== 503, {
        what: `the hub to know ${scope}`,
      });
    }
    return counter;
  };
  const askFor = (scope: string, path: string, options: Parameters<typeof ask>[1] = {}) =>
    ask(`${hub.url}${path}`, { ...options, headers: { 'router-scope': scope } });
  const release = () => held.splice(0).forEach((each) => each());
  const waiting = (scope?: string) =>
    withRedis(redis.url, (client) =>
      client.xlen(`mr:{${group}}:waiting${scope === undefined ? '' : `:${scope}`}`),
    );
  return { redis, group, records, hub, startAgent, askFor, release, waiting };
}

const bodies = async (asked: ReturnType<typeof ask>[]) => (await Promise.all(asked)).map(({ body }) => body);
const times = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));

test('a request that asks for a scope, itself or by its route, runs only where a record carries it', async () => {
  const { redis, group, hub, startAgent, askFor } = await start();
  await startAgent('plain', [], 8);
  await startAgent('eu', ['eu'], 2);
  await startAgent('both', ['gpu', 'eu'], 2);

  const forEu = await bodies(times(40, (i) => askFor('eu', `/${i}`)));
  expect(new Set(forEu)).toEqual(new Set(['eu', 'both']));
  const byRoute = await bodies(times(40, (i) => ask(`${hub.url}/eu/${i}`)));
  expect(new Set(byRoute)).toEqual(new Set(['eu', 'both']));
  expect(new Set(await bodies(times(20, (i) => askFor('gpu', `/${i}`))))).toEqual(new Set(['both']));
  // The route's scope takes precedence over the client's.
  expect(new Set(await bodies(times(20, (i) => askFor('gpu', `/eu/${i}`))))).toEqual(new Set(['eu', 'both']));
  await expectNothingLeft(redis.url, group);
});

test('a request that asks for none runs anywhere', async () => {
  const { hub, startAgent } = await start();
  await startAgent('plain', [], 4);
  await startAgent('eu', ['eu'], 4);
  await startAgent('gpu', ['gpu'], 4);
  const answers = await bodies(times(60, (i) => ask(`${hub.url}/${i}`)));
  expect(new Set(answers)).toEqual(new Set(['plain', 'eu', 'gpu']));
});

test('a scope that no agent carries gets no-agent at once, and does not wait', async () => {
  const { startAgent, askFor } = await start();
  await startAgent('eu', ['eu']);
  for (const scope of ['mars', 'e', 'eu+gpu', 'EU', '', '__proto__']) {
    expect(await askFor(scope, '/')).toMatchObject({
      status: 503,
      headers: { 'router-error': 'no-agent', 'router-executed': 'no' },
    });
  }
});

test('each scope has a line of its own, first come first served within, and no scope holds up another', async () => {
  const { hub, startAgent, askFor, release, waiting } = await start();
  const plain = await startAgent('plain', []);
  const eu = await startAgent('eu', ['eu']);
  const holding = [ask(`${hub.url}/hold`), askFor('eu', '/hold')];
  await waitFor(() => plain.running === 1 && eu.running === 1, { what: 'both slots to be taken' });
  const begunAtEu = eu.calls.length;
  const forEu = [];
  for (let i = 0; i < 5; i++) {
    forEu.push(askFor('eu', `/${i}`));
    await waitFor(async () => (await waiting('eu')) === i + 1, { what: `${i + 1} to wait` });
  }
  expect(await waiting()).toBe(0);
  release();

  expect((await bodies(holding)).sort()).toEqual(['eu', 'plain']);
  expect(await bodies(forEu)).toEqual(times(5, () => 'eu'));
  expect(eu.calls.slice(begunAtEu)).toEqual(times(5, (i) => `/${i}`));

  // A scope whose slots are taken leaves the others theirs.
  const blocked = [askFor('eu', '/hold/1'), askFor('eu', '/hold/2')];
  await waitFor(async () => (await waiting('eu')) === 1, { what: 'one to wait' });
  expect(await ask(`${hub.url}/free`)).toMatchObject({ status: 200, body: 'plain' });
  release();
  await waitFor(() => eu.calls.includes('/hold/2'), { what: 'the second to run' });
  release();
  expect(await bodies(blocked)).toEqual(['eu', 'eu']);
});

test('of several lines the oldest request that may run gets the slot', async () => {
  const { hub, startAgent, askFor, release, waiting } = await start();
  const both = await startAgent('both', ['eu', 'gpu']);
  const begun = both.calls.length;
  const holding = ask(`${hub.url}/hold`);
  await waitFor(() => both.running === 1, { what: 'the slot to be taken' });
  const wanted = ['eu', 'gpu', undefined, 'gpu', 'eu', undefined];
  const asked = [];
  for (const [i, scope] of wanted.entries()) {
    const before = await waiting(scope);
    asked.push(scope === undefined ? ask(`${hub.url}/${i}`) : askFor(scope, `/${i}`));
    await waitFor(async () => (await waiting(scope)) === before + 1, { what: `number ${i} to wait` });
  }
  release();

  expect(await holding).toMatchObject({ status: 200 });
  expect(await bodies(asked)).toEqual(wanted.map(() => 'both'));
  expect(both.calls.slice(begun)).toEqual(['/hold', ...wanted.map((_scope, i) => `/${i}`)]);
});

test('what waits for a scope is served when another instance of it joins', async () => {
  const { startAgent, askFor, release, waiting } = await start();
  const first = await startAgent('first', ['eu']);
  const holding = askFor('eu', '/hold');
  await waitFor(() => first.running === 1, { what: 'the slot to be taken' });
  const asked = times(3, (i) => askFor('eu', `/${i}`));
  await waitFor(async () => (await waiting('eu')) === 3, { what: 'three to wait' });
  await startAgent('second', ['eu', 'gpu']);
  expect(await bodies(asked)).toEqual(['second', 'second', 'second']);
  release();
  expect((await holding).body).toBe('first');
});

test('scopes that change while an agent runs: it finishes, joins anew with the others, and loses nothing', async () => {
  const { redis, group, records, hub, startAgent, askFor, release, waiting } = await start();
  const changing = await startAgent('changing', ['eu'], 2);
  const running = askFor('eu', '/hold', { method: 'POST' });
  await waitFor(() => changing.running === 1, { what: 'one to run' });

  await records.set('changing', { group, scopes: ['gpu'] });
  await waitFor(async () => (await reportsOf(redis.url, group)).get('changing')?.state === 'draining', {
    timeoutMs: 1_500,
    what: 'the agent to leave its place',
  });
  const later = [askFor('eu', '/later/eu'), ask(`${hub.url}/later/any`)];
  await waitFor(async () => (await waiting('eu')) + (await waiting()) === 2, { what: 'both to wait' });
  release();
  expect(await running).toMatchObject({ status: 200, body: 'changing' });
  expect(await later[1]).toMatchObject({ status: 200, body: 'changing' });
  await waitFor(async () => (await askFor('gpu', '/new')).status === 200, {
    what: 'its new scope to be served',
  });

  // Nobody carries eu any more: what asks for it waits for one who does.
  expect(await waiting('eu')).toBe(1);
  await startAgent('next', ['eu']);
  expect(await later[0]).toMatchObject({ status: 200, body: 'next' });
  await expectNothingLeft(redis.url, group);
});

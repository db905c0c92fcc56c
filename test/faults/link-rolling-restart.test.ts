import { expect, test } from 'vitest';
import { linkedWorld } from '../link/support/linked-world.ts';
import { startBalancer } from '../support/balancer.ts';
import { countCalls } from '../support/call-counter.ts';
import { startLoad, tally, type Load } from '../support/load.ts';
import { expectNothingLeft, upstreamHere } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';
import { TIMEOUT } from './support/form.ts';

const LINES = 40;

/** Most answers are quick; every tenth is a stream of two seconds. */
function startMixed() {
  return countCalls((request, response) => {
    request.resume();
    const n = Number(request.url?.slice(1));
    if (n % 10 !== 0) {
      setTimeout(() => response.end(`done ${n}`), n % 7);
      return;
    }
    let lines = 0;
    const timer = setInterval(() => {
      response.write(`line ${lines} `);
      if (++lines < LINES) return;
      clearInterval(timer);
      response.end(`done ${n}`);
    }, 50);
    response.on('close', () => clearInterval(timer));
  });
}

function bodyOf(n: number): string {
  const lines = n % 10 === 0 ? Array.from({ length: LINES }, (_, i) => `line ${i} `) : [];
  return `${lines.join('')}done ${n}`;
}

const requestOf = (n: number) => (n % 2 === 0 ? { method: 'POST', body: 'x'.repeat(n % 1_000) } : {});

async function waitForMore(load: Load, count: number): Promise<void> {
  const wanted = load.outcomes.size + count;
  await waitFor(() => load.outcomes.size >= wanted, { what: `${count} more answers`, timeoutMs: 20_000 });
}

test.each([
  ['two', 2],
  ['all three', 3],
])(
  'three hubs are restarted one after the other, under load, with agents that know %s: nothing fails, no stream breaks',
  TIMEOUT,
  async (_what, known) => {
    const world = await linkedWorld(3);
    const { hubs } = world;
    const counter = startMixed();
    const { url } = await upstreamHere(counter.listener);
    const some = (i: number) => [...hubs, ...hubs].slice(i, i + known);
    await Promise.all([0, 1, 2].map((i) => world.agent(`far-${i}`, url, { hubs: some(i) })));
    const send = startBalancer(hubs.map((hub) => hub.url));
    const load = startLoad(16, (n) => send(`/${n}`, requestOf(n)));

    for (const hub of hubs) {
      await waitForMore(load, 150);
      await hub.restart();
    }
    await waitForMore(load, 150);

    const outcomes = await load.stop();
    expect(tally(outcomes)).toEqual({ 'answered 200': outcomes.length });
    expect([...load.outcomes].filter(([n, { body }]) => body !== bodyOf(n))).toEqual([]);
    expect(counter.calls).toHaveLength(outcomes.length);
    await expectNothingLeft(world.redisUrl, world.group);
  },
);

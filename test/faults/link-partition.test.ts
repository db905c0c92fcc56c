import { expect, test } from 'vitest';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { linkedWorld } from '../link/support/linked-world.ts';
import { download, numberedUpstream } from '../link/support/numbered-body.ts';
import { ask } from '../support/ask.ts';
import { startLoad, tally } from '../support/load.ts';
import { expectNothingLeft, upstreamHere } from '../support/parts.ts';
import { quantile } from '../support/quantile.ts';
import { waitFor } from '../support/wait.ts';
import { TIMEOUT } from './support/form.ts';

const KIB = 1024;
const PARTITION_MS = 20_000;

test(
  'an agent that reaches no hub for 20 s: what it ran ends in time, and it is back when the line is',
  TIMEOUT,
  async () => {
    const world = await linkedWorld(2);
    const [first, second] = world.hubs;
    const far = numberedUpstream();
    const away = await world.agent('far', (await upstreamHere(far.listener)).url);
    await away.linked(2);
    const stream = download(first?.url ?? '', 16 * 1024 * KIB, 10);
    await waitFor(() => stream.received.bytes > 0, { what: 'the stream to begin' });
    for (const { line } of world.hubs) line.set({ halfOpen: true });
    const cutAt = performance.now();

    const lost = await stream.done;
    expect(performance.now() - cutAt).toBeLessThan(1_500 + 2_000);
    expect(lost.received).toMatchObject({ inOrder: true, complete: false });
    await sleep(PARTITION_MS - (performance.now() - cutAt));
    expect(far.calls).toHaveLength(1);

    for (const { line } of world.hubs) line.set({ halfOpen: false });
    const healedAt = performance.now();
    const answered = async () => (await ask(`${second?.url ?? ''}/16384/0`)).status === 200;
    await waitFor(answered, { what: 'an answer', timeoutMs: 35_000 });
    console.log(`back after ${Math.round(performance.now() - healedAt)} ms`);
    await expectNothingLeft(world.redisUrl, world.group);
  },
);

test('a link of 64 kbit/s beside a fast one: requests of the fast one are not delayed', TIMEOUT, async () => {
  const world = await linkedWorld(2);
  const [narrow, wide] = world.hubs;
  const [slow, quick] = [numberedUpstream(), numberedUpstream()];
  const url = wide?.url ?? '';
  const times = async (): Promise<number[]> => {
    const load = startLoad(4, () => ask(`${url}/16384/0`));
    await sleep(4_000);
    const outcomes = await load.stop();
    expect(tally(outcomes)).toEqual({ 'answered 200': outcomes.length });
    return outcomes.map(({ elapsedMs }) => elapsedMs);
  };

  narrow?.line.set({ bytesPerS: 8_000 });
  const flags = ['--concurrency', '2'];
  const { url: slowUrl } = await upstreamHere(slow.listener);
  const agent = await world.agent('slow', slowUrl, { hubs: [narrow ?? world.hubs[0]!], flags });
  const crawling = [0, 1].map(() => download(url, 64 * KIB, 0));
  await waitFor(() => slow.calls.length === 2, { what: 'both to run' });
  await world.agent('quick', (await upstreamHere(quick.listener)).url, { hubs: [wide ?? world.hubs[0]!] });
  const beside = await times();
  for (const { received } of crawling) expect(received.complete).toBe(false);
  for (const { done } of crawling) {
    expect((await done).received).toMatchObject({ bytes: 64 * KIB, inOrder: true, complete: true });
  }
  await agent.kill('SIGKILL');
  const alone = await times();
  const [before, during] = [quantile(alone, 0.9), quantile(beside, 0.9)];
  console.log(`90 % within ${before.toFixed(1)} ms alone, ${during.toFixed(1)} ms beside a slow link`);
  expect(during).toBeLessThan(1.2 * before + 20);
});

import { expect, test } from 'vitest';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { linkedWorld } from '../link/support/linked-world.ts';
import { download, numberedUpstream } from '../link/support/numbered-body.ts';
import { ask } from '../support/ask.ts';
import { expectNothingLeft, upstreamHere } from '../support/parts.ts';
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

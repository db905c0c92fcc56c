import { expect, onTestFinished, test } from 'vitest';
import { ConfigReader, type ConfigState } from '../../router-core/config/config-state.ts';
import { readConfig } from '../../router-core/redis/config/config-store.ts';
import { ConfigWatch } from '../../router-core/redis/config/config-watch.ts';
import { CONFIG_TAG } from '../../router-core/redis/scripts/keys.ts';
import { openStore } from '../../router-core/redis/connection/store.ts';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { configure, recordLog } from '../support/config.ts';
import { redisHere, withRedis } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';

/** A watch whose states are taken by `take`, until the test ends. */
async function watchHere(
  take: (state: ConfigState, superseded: AbortSignal) => Promise<void>,
): Promise<{ url: string; watch: ConfigWatch }> {
  const { url } = await redisHere();
  const { log } = recordLog();
  const store = openStore({ url, log });
  const commands = store.at(CONFIG_TAG, 'commands');
  const doorbells = store.at(CONFIG_TAG, 'doorbells');
  const watch = new ConfigWatch({ commands, doorbells, onState: take, log });
  onTestFinished(() => {
    watch.close();
    store.close();
  });
  await waitFor(() => watch.state !== undefined, { what: 'the first state' });
  return { url, watch };
}

test('a version that is being taken gives way to a newer one', async () => {
  const taken: string[] = [];
  const { url, watch } = await watchHere(async ({ version, groups }, superseded) => {
    if (version > 0 && taken.push(`begun with ${groups.get('g')?.description}`) === 1) {
      await sleep(60_000, superseded);
    }
    superseded.throwIfAborted();
    if (version > 0) taken.push(`taken ${groups.get('g')?.description}`);
  });
  await configure(url, { groups: [{ name: 'g', description: 'one' }] });
  await waitFor(() => taken.length === 1, { what: 'the first version to be begun with' });
  expect(watch.state?.version).toBe(0);
  const version = await configure(url, { groups: [{ name: 'g', description: 'two' }] });
  await waitFor(() => watch.state?.version === version, { timeoutMs: 3_000, what: 'the second version' });
  expect(taken).toEqual(['begun with one', 'begun with two', 'taken two']);
});

test('who writes all the time does not keep every version from being taken', async () => {
  const { url, watch } = await watchHere(async ({ version }, superseded) => {
    if (version > 0) await sleep(400, superseded);
    superseded.throwIfAborted();
  });
  let isOver = false;
  onTestFinished(() => void (isOver = true));
  const writing = (async () => {
    for (let i = 0; !isOver; i += 1) {
      await configure(url, { groups: [{ name: 'g', description: String(i) }] });
      await sleep(100);
    }
  })();
  await waitFor(() => (watch.state?.version ?? 0) > 0, { timeoutMs: 15_000, what: 'a version' });
  isOver = true;
  await writing;
}, 30_000);

test('what is read in pages is of one moment, whatever is written meanwhile', async () => {
  const { url } = await redisHere();
  const { log } = recordLog();
  const pair = (description: string) => [
    { name: 'first', description },
    ...Array.from({ length: 3_000 }, (_, i) => ({ name: `g${i}` })),
    { name: 'last', description },
  ];
  await configure(url, { groups: pair('0') });
  let isOver = false;
  const writing = (async () => {
    for (let i = 1; !isOver; i += 1) {
      const description = String(i);
      await configure(url, { groups: ['first', 'last'].map((name) => ({ name, description })) });
    }
  })();
  const seen = await withRedis(url, async (client) => {
    const reader = new ConfigReader();
    const descriptions = [];
    for (let i = 0; i < 8; i += 1) {
      const { groups } = await readConfig(client, { reader, log });
      expect(groups.size).toBe(3_002);
      descriptions.push([groups.get('first')?.description, groups.get('last')?.description]);
    }
    return descriptions;
  });
  isOver = true;
  await writing;
  for (const [first, last] of seen) expect(first).toBe(last);
  expect(new Set(seen.map(([first]) => first)).size).toBeGreaterThan(1);
}, 60_000);

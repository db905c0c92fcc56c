import { setImmediate as nextTick } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { GroupCommit } from '../../router-core/redis/frames/group-commit.ts';
import { waitFor } from '../support/wait.ts';

/** A commit whose batches end only when the test says so. */
function startGathering(maxItems: number, maxBytes = Infinity, bulkBytes?: number, inFlight?: () => number) {
  const batches: number[][] = [];
  const ends: (() => void)[] = [];
  let running = 0;
  let mostRunning = 0;
  const commit = async (items: number[]) => {
    batches.push([...items]);
    mostRunning = Math.max(mostRunning, ++running);
    await new Promise<void>((resolve) => ends.push(resolve));
    running -= 1;
  };
  const group = new GroupCommit<number>({
    maxItems,
    maxBytes,
    bytesOf: (item) => item,
    commit,
    ...(bulkBytes !== undefined && { bulkBytes }),
    inFlight,
  });
  const endOne = async () => {
    (await waitFor(() => ends.shift(), { what: 'a batch to be under way' }))();
    await nextTick();
  };
  return { group, batches, endOne, mostRunning: () => mostRunning };
}

test('what two turns bring goes out in one batch, in its order', async () => {
  const { group, batches, endOne } = startGathering(100);
  for (let i = 0; i < 3; i++) group.add(i);
  await nextTick();
  for (let i = 3; i < 5; i++) group.add(i);
  expect(batches).toEqual([]);
  await endOne();
  expect(batches).toEqual([[0, 1, 2, 3, 4]]);
  await waitFor(() => !group.busy, { what: 'the commit to rest' });
});

test('the only request goes at once; while others were there since the last batch, it waits for them', async () => {
  let inFlight = 1;
  const { group, batches, endOne } = startGathering(100, Infinity, undefined, () => inFlight);
  const addAndTick = async (...items: number[]) => {
    for (const item of items) group.add(item);
    await Promise.resolve();
  };
  await addAndTick(0, 1);
  expect(batches).toEqual([[0, 1]]);
  inFlight = 2;
  await addAndTick(2);
  await endOne();
  await endOne();
  inFlight = 1;
  await addAndTick(3);
  expect(batches).toEqual([[0, 1], [2]]);
  await endOne();
  await addAndTick(4);
  expect(batches).toEqual([[0, 1], [2], [3], [4]]);
  await endOne();
});

test('while a batch is under way the next one gathers, and there is never a second one at once', async () => {
  const { group, batches, endOne, mostRunning } = startGathering(100);
  group.add(0);
  await waitFor(() => batches.length === 1, { what: 'the first batch' });
  for (let i = 1; i < 4; i++) {
    group.add(i);
    await nextTick();
  }
  expect(batches).toEqual([[0]]);
  expect(group.busy).toBe(true);
  await endOne();
  await endOne();
  expect(batches).toEqual([[0], [1, 2, 3]]);
  expect(mostRunning()).toBe(1);
});

test('a batch is never larger than allowed, and nothing is lost or swapped', async () => {
  const { group, batches, endOne, mostRunning } = startGathering(4);
  for (let i = 0; i < 10; i++) group.add(i);
  await endOne();
  group.add(10);
  await endOne();
  await endOne();
  await waitFor(() => !group.busy, { what: 'the commit to rest' });
  expect(batches).toEqual([
    [0, 1, 2, 3],
    [4, 5, 6, 7],
    [8, 9, 10],
  ]);
  expect(mostRunning()).toBe(1);
});

test('after a rest it goes on with what comes later', async () => {
  const { group, batches, endOne } = startGathering(4);
  group.add(1);
  await endOne();
  await waitFor(() => !group.busy, { what: 'the commit to rest' });
  group.add(2);
  await endOne();
  expect(batches).toEqual([[1], [2]]);
});

test('a batch ends with the item that reaches its bytes, however large that item is', async () => {
  // Here an item is its own size.
  const { group, batches, endOne } = startGathering(100, 10);
  for (const bytes of [4, 5, 1, 3, 500, 2]) group.add(bytes);
  for (let i = 0; i < 3; i++) await endOne();
  await waitFor(() => !group.busy, { what: 'the commit to rest' });
  expect(batches).toEqual([[4, 5, 1], [3, 500], [2]]);
});

test('what is small passes what is bulky when not all fit, and the first of the bulky goes on', async () => {
  const { group, batches, endOne } = startGathering(100, 100, 10);
  for (const bytes of [60, 61, 62, 1, 2]) group.add(bytes);
  await endOne();
  await endOne();
  await waitFor(() => !group.busy, { what: 'the commit to rest' });
  expect(batches).toEqual([[60, 1, 2, 61], [62]]);
});

test('something bulky goes on with every batch, however much there is that is small', async () => {
  const { group, batches, endOne } = startGathering(100, 100, 10);
  for (const bytes of [10, 10, 10, 10, 10, 60, 61, 10, 10]) group.add(bytes);
  await endOne();
  await endOne();
  await waitFor(() => !group.busy, { what: 'the commit to rest' });
  expect(batches).toEqual([
    [60, 10, 10, 10, 10],
    [10, 10, 10, 61],
  ]);
});

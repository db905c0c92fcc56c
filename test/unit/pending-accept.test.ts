import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PendingAccept } from '../../router-core/slime/pending-accept.ts';
import type { Call } from '../../router-core/slime/slime-calls.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function waiting() {
  const statuses: number[] = [];
  const response = Object.assign(new EventEmitter(), {
    writeHead: (status: number) => void statuses.push(status),
    setHeader: () => undefined,
    end: () => undefined,
  });
  const request = Object.assign(new EventEmitter(), { complete: true, resume: () => undefined });
  const overs: boolean[] = [];
  const call = { request, response } as unknown as Call;
  const accept = new PendingAccept({ call, onOver: (_accept, comesBack) => overs.push(comesBack) });
  return { accept, response, statuses, overs };
}

test('an accept is answered within 30 s, with a status that makes no worker end, and its slot stays', () => {
  const { statuses, overs } = waiting();
  vi.advanceTimersByTime(20_000);
  expect(statuses).toEqual([]);
  vi.advanceTimersByTime(10_000);
  expect(statuses).toEqual([204]);
  expect(overs).toEqual([true]);
});

test('an accept whose connection ends is no slot any more, and is not answered', () => {
  const { response, statuses, overs } = waiting();
  response.emit('close');
  vi.advanceTimersByTime(30_000);
  expect(statuses).toEqual([]);
  expect(overs).toEqual([false]);
});

test('an accept that was given a request is left alone', () => {
  const { accept, response, statuses, overs } = waiting();
  accept.take();
  response.emit('close');
  accept.turnAway();
  vi.advanceTimersByTime(30_000);
  expect(statuses).toEqual([]);
  expect(overs).toEqual([]);
});

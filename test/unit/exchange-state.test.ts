import { expect, test } from 'vitest';
import { stateAfter, type ExchangeState } from '../../router-core/hub/exchange-state.ts';

test.each<[from: ExchangeState, to: ExchangeState]>([
  ['reading', 'admitting'],
  ['admitting', 'handed'],
  ['waiting', 'handed'],
  ['handed', 'waiting'],
  ['handed', 'admitting'],
  ['admitting', 'replying'],
  ['replying', 'done'],
  ['reading', 'done'],
])('a request goes from %s to %s', (from, to) => {
  expect(stateAfter(from, to)).toBe(to);
});

test.each<[from: ExchangeState, to: ExchangeState]>([
  ['reading', 'replying'],
  ['waiting', 'reading'],
  ['replying', 'waiting'],
  ['replying', 'handed'],
  ['done', 'waiting'],
  ['done', 'done'],
])('a request never goes from %s to %s', (from, to) => {
  expect(() => stateAfter(from, to)).toThrow(`a request cannot go from ${from} to ${to}`);
});

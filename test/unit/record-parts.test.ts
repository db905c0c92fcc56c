import { expect, test } from 'vitest';
import { compareEntries } from '../../router-core/redis/agent/held-requests.ts';
import { MOST_IN_PART, RecordParts } from '../../router-core/redis/agent/record-parts.ts';

const sharesOf = (records: string[]) => records.map((record) => ({ record, slots: 1, running: 0 }));
const names = (count: number) => Array.from({ length: count }, (_, i) => `r${i}`);
const recordsIn = (parts: ReturnType<RecordParts['split']>) =>
  parts.map((part) => part.map(({ record }) => record));

test('without a record there is one part, which is empty', () => {
  const parts = new RecordParts();
  expect(parts.split([])).toEqual([[]]);
  expect(parts.rowsOf('relay.1')).toEqual(['relay.1']);
});

test('many records are split, and none stands in two parts or in none', () => {
  const parts = new RecordParts();
  const split = recordsIn(parts.split(sharesOf(names(3 * MOST_IN_PART + 1))));
  expect(split.map(({ length }) => length)).toEqual([MOST_IN_PART, MOST_IN_PART, MOST_IN_PART, 1]);
  expect(split.flat().sort()).toEqual(names(3 * MOST_IN_PART + 1).sort());
  expect(parts.rowsOf('relay.1')).toEqual(['relay.1', 'relay.1/1', 'relay.1/2', 'relay.1/3']);
});

test('a record keeps its part while others come and go, and room is used again', () => {
  const parts = new RecordParts();
  const before = recordsIn(parts.split(sharesOf(names(2 * MOST_IN_PART))));
  const left = [...(before[0] ?? []).slice(1), ...(before[1] ?? []), 'new'];
  const after = recordsIn(parts.split(sharesOf(left)));
  expect(after[0]).toEqual([...(before[0] ?? []).slice(1), 'new']);
  expect(after[1]).toEqual(before[1]);
  expect(after).toHaveLength(2);
});

test('entries are in the order of Redis, which counts further than a number', () => {
  const ordered = ['9-1', '10-0', '10-2', '10-10', '9007199254740993-0', '18446744073709551614-3'];
  expect(ordered.toReversed().sort(compareEntries)).toEqual(ordered);
});

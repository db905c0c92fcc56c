import { expect, test } from 'vitest';
import { RecentFailures } from '../../router-core/hub/recent-failures.ts';
import { RequestCounts } from '../../router-core/hub/request-counts.ts';

test('tells what of the requests of the last twenty seconds has failed', () => {
  const counts = new RequestCounts();
  const [one, other] = [counts.of('one', 'g'), counts.of('other', 'g')];
  const failures = new RecentFailures();
  const start = performance.now();
  expect(failures.growth(counts, start)).toEqual(new Map());
  one.ended(200, 1);
  other.ended(503, 1);
  // Its client has left, which is nobody's failure.
  other.ended(0, 1);
  expect(failures.growth(counts, start + 2_000)).toEqual(new Map([['g', { ended: 3, failed: 1 }]]));
  one.ended(502, 1);
  expect(failures.growth(counts, start + 21_500).get('g')).toEqual({ ended: 4, failed: 2 });
  expect(failures.growth(counts, start + 24_000).get('g')).toEqual({ ended: 1, failed: 1 });
  expect(failures.growth(counts, start + 60_000)).toEqual(new Map());
});

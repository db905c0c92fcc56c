import { expect, test } from 'vitest';
import { RecentHistograms } from '../../router-core/hub/recent-times.ts';
import { latencyOf } from '../../router-core/redis/hub/latency.ts';
import { Histogram } from '../../router-core/runtime/histogram.ts';

test('what a histogram has grown by lately, without what was before', () => {
  const [recent, histogram] = [new RecentHistograms(), new Histogram()];
  expect(recent.growth(histogram, 0)).toBeUndefined();
  for (const ms of [0.5, 2, 2, 700_000]) histogram.observe(ms);
  expect(recent.growth(histogram, 2_000)?.times).toEqual({ '1': 1, '2.5': 2, Infinity: 1 });
  histogram.observe(40);
  expect(recent.growth(histogram, 12_000)?.times).toEqual({ '1': 1, '2.5': 2, '50': 1, Infinity: 1 });
  // A value of 2 s was counted more than twenty seconds ago.
  expect(recent.growth(histogram, 22_000)?.times).toEqual({ '50': 1 });
  expect(recent.growth(histogram, 32_000)).toBeUndefined();
  histogram.observe(3);
  expect(recent.growth(histogram, 34_000)?.times).toEqual({ '5': 1 });
});

test('histograms are told apart, and one that is new counts from the first request', () => {
  const recent = new RecentHistograms();
  const [one, other] = [new Histogram(), new Histogram()];
  one.observe(2);
  other.observe(20);
  expect(recent.growth(one, 1_000_000)?.times).toEqual({ '2.5': 1 });
  expect(recent.growth(other, 1_000_000)?.times).toEqual({ '25': 1 });
});

test('quantiles are of what all hubs have counted, and null when there is nothing', () => {
  expect(latencyOf([])).toEqual({ p50Ms: null, p99Ms: null });
  // 200 values between 50 and 100, evenly: the 100th is 75.
  expect(latencyOf([{ times: { '100': 150 } }, { times: { '100': 50 } }])).toEqual({
    p50Ms: 75,
    p99Ms: 99.5,
  });
  // 98 of one hub are quick; the 99th is the first of two slow ones of another.
  expect(latencyOf([{ times: { '5': 98 } }, { times: { '10000': 2 } }])).toEqual({
    p50Ms: 3.78,
    p99Ms: 7_500,
  });
  // Ten minutes are the last bound: of what took longer a hub of an older version says no more.
  expect(latencyOf([{ times: { Infinity: 3 } }])).toEqual({ p50Ms: 600_000, p99Ms: 600_000 });
});

test('of one request, or of several alike, the quantiles are about what they took', () => {
  for (const ms of [30_100, 45, 3, 900_000]) {
    const [recent, histogram] = [new RecentHistograms(), new Histogram()];
    recent.growth(histogram, 0);
    for (let i = 0; i < 3; i++) histogram.observe(ms);
    const grown = recent.growth(histogram, 2_000);
    const { p50Ms, p99Ms } = latencyOf(grown ? [grown] : []);
    expect(p50Ms).toBeGreaterThan(0.9 * ms);
    expect(p50Ms).toBeLessThan(1.1 * ms);
    expect(p99Ms).toBeLessThan(1.2 * ms);
  }
});

test('a hub with other bounds is added up, too', () => {
  const { p50Ms, p99Ms } = latencyOf([{ times: { '50': 60 } }, { times: { '75': 40 } }]);
  expect(p50Ms).toBeGreaterThan(25);
  expect(p50Ms).toBeLessThan(50);
  expect(p99Ms).toBeGreaterThan(50);
  expect(p99Ms).toBeLessThan(75);
});

/** Medians over rounds, and ratios between targets of the same round. */
import type { PerProcess } from './process-stats.ts';
import type { Round, Sample } from './run-rounds.ts';
import type { Scenario } from './scenarios.ts';
import { targetNames, type TargetName } from './targets/target.ts';

/** The targets to which all others are compared. */
export const references = ['nginx', 'haproxy', 'node-push'] as const;
export type Reference = (typeof references)[number];

export interface Summary {
  readonly target: TargetName;
  readonly rate: number;
  readonly rateMin: number;
  readonly rateMax: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Median of the differences to `direct` within a round. */
  readonly p50OverDirectMs: number | null;
  readonly delayP50Ms: number | null;
  readonly delayP99Ms: number | null;
  /** Summed over all rounds: a single one makes the figures invalid. */
  readonly errors: number;
  readonly errorDetail: string;
  /** Ratios of the rates; for events, of the times to the first event. */
  readonly ratios: Readonly<Record<Reference, number | null>>;
  readonly cpuUsPerUnit: PerProcess;
  /** The largest of all rounds. */
  readonly peakRssMiB: PerProcess;
}

export interface ScenarioResult {
  readonly name: string;
  readonly kind: Scenario['kind'];
  readonly rounds: readonly Round[];
  readonly summaries: readonly Summary[];
}

export function median(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  const sorted = known.filter(Number.isFinite).toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)];
  if (upper === undefined) return null;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? upper) + upper) / 2 : upper;
}

export type Combine = (own: Sample, other: Sample) => number | null;

/** The median over the rounds in which both targets were measured. */
export function compare(
  rounds: readonly Round[],
  own: TargetName,
  other: TargetName,
  combine: Combine,
): number | null {
  const values = rounds.map((round) => {
    const [mine, theirs] = [round[own], round[other]];
    return mine === undefined || theirs === undefined ? null : combine(mine, theirs);
  });
  return median(values);
}

export const rateRatio: Combine = (own, other) => (other.rate > 0 ? own.rate / other.rate : null);
const p50Ratio: Combine = (own, other) =>
  own.p50Ms === null || other.p50Ms === null || other.p50Ms === 0 ? null : own.p50Ms / other.p50Ms;
export const p50Difference: Combine = (own, other) =>
  own.p50Ms === null || other.p50Ms === null ? null : own.p50Ms - other.p50Ms;

function perProcess(
  samples: readonly Sample[],
  field: 'cpuUsPerUnit' | 'peakRssMiB',
  combine: (values: readonly (number | null)[]) => number | null,
): PerProcess {
  const names = new Set(samples.flatMap((sample) => Object.keys(sample[field])));
  return Object.fromEntries(
    [...names].map((name) => [name, combine(samples.map((one) => one[field][name] ?? null))]),
  );
}

function largest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

function summarizeTarget(
  scenario: Scenario,
  rounds: readonly Round[],
  target: TargetName,
): Summary | undefined {
  const samples = rounds.map((round) => round[target]).filter((sample) => sample !== undefined);
  if (samples.length === 0) return undefined;
  const middle = (field: 'rate' | 'p50Ms' | 'p99Ms' | 'delayP50Ms' | 'delayP99Ms') =>
    median(samples.map((sample) => sample[field]));
  const ratio = scenario.kind === 'events' ? p50Ratio : rateRatio;
  const rates = samples.map((sample) => sample.rate);
  return {
    target,
    rate: middle('rate') ?? 0,
    rateMin: Math.min(...rates),
    rateMax: Math.max(...rates),
    p50Ms: middle('p50Ms'),
    p99Ms: middle('p99Ms'),
    p50OverDirectMs: target === 'direct' ? null : compare(rounds, target, 'direct', p50Difference),
    delayP50Ms: middle('delayP50Ms'),
    delayP99Ms: middle('delayP99Ms'),
    errors: samples.reduce((sum, sample) => sum + sample.errors, 0),
    errorDetail: samples.find((sample) => sample.errors > 0)?.errorDetail ?? '',
    ratios: {
      nginx: compare(rounds, target, 'nginx', ratio),
      haproxy: compare(rounds, target, 'haproxy', ratio),
      'node-push': compare(rounds, target, 'node-push', ratio),
    },
    cpuUsPerUnit: perProcess(samples, 'cpuUsPerUnit', median),
    peakRssMiB: perProcess(samples, 'peakRssMiB', largest),
  };
}

export function summarize(scenario: Scenario, rounds: readonly Round[]): ScenarioResult {
  const summaries = targetNames.map((target) => summarizeTarget(scenario, rounds, target));
  return {
    name: scenario.name,
    kind: scenario.kind,
    rounds,
    summaries: summaries.filter((summary) => summary !== undefined),
  };
}

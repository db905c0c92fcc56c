/**
 * The speeds this project wants to reach, all as relations within one run: absolute figures depend on the machine. Those to nginx,
 * to the push proxy and to the upstream come from a sketch without promises, which reached 0.29 to 0.36 × nginx and 0.4 ms over the
 * upstream where it was made. It is the target `bare-pull` now: those to it depend least on the machine.
 */
import type { Sample } from './run-rounds.ts';
import {
  compare,
  p50Difference,
  rateRatio,
  type Combine,
  type ScenarioResult,
  type Summary,
} from './summarize.ts';

export interface Goal {
  readonly text: string;
  /** The measured value, or undefined when the run did not contain what is needed (or it had errors). */
  readonly measured: string | undefined;
  readonly reached: boolean;
}

/** A scenario without any error; others say nothing. */
function validIn(results: readonly ScenarioResult[], scenario: string): ScenarioResult | undefined {
  return results.find(
    ({ name, summaries }) => name === scenario && summaries.every(({ errors }) => errors === 0),
  );
}

function routerIn(results: readonly ScenarioResult[], scenario: string): Summary | undefined {
  return validIn(results, scenario)?.summaries.find(({ target }) => target === 'router');
}

function goal(
  text: string,
  value: number | null | undefined,
  unit: string,
  isReached: (value: number) => boolean,
): Goal {
  if (value === null || value === undefined) return { text, measured: undefined, reached: false };
  return { text, measured: `${value.toFixed(unit === 'MB/s' ? 0 : 2)} ${unit}`, reached: isReached(value) };
}

/** CPU per request above that of the other, in per cent. */
const cpuCost: Combine = (own, other) => {
  const [with_, without] = [cpu(own), cpu(other)];
  return with_ && without ? 100 * (with_ / without - 1) : null;
};

function cpu(sample: Sample): number | null {
  const parts = ['redis', 'hub', 'agent'].map((part) => sample.cpuUsPerUnit[part] ?? null);
  return parts.includes(null) ? null : parts.reduce<number>((sum, part) => sum + (part ?? 0), 0);
}

export function checkGoals(results: readonly ScenarioResult[]): Goal[] {
  const roundsOf = (scenario: string) => validIn(results, scenario)?.rounds ?? [];
  const ofSmall = ['small-32', 'small-256'].flatMap((name) => {
    const ratios = routerIn(results, name)?.ratios;
    return [
      goal(`${name}: at least 0.28 × nginx`, ratios?.nginx, '×', (value) => value >= 0.28),
      goal(`${name}: at least 0.45 × node-push`, ratios?.['node-push'], '×', (value) => value >= 0.45),
      goal(
        `${name}: at least 0.86 × bare-pull`,
        compare(roundsOf(name), 'router', 'bare-pull', rateRatio),
        '×',
        (value) => value >= 0.86,
      ),
    ];
  });
  const apps = compare(roundsOf('small-32'), 'router-apps', 'router', cpuCost);
  const overBare = compare(roundsOf('small-1'), 'router', 'bare-pull', p50Difference);
  const over = routerIn(results, 'small-1')?.p50OverDirectMs;
  const download = routerIn(results, 'download')?.rate;
  return [
    ...ofSmall,
    goal('small-32: a configuration costs at most 5 % CPU', apps, '%', (value) => value <= 5),
    goal('small-1: p50 at most 0.6 ms over direct', over, 'ms', (value) => value <= 0.6),
    goal('small-1: p50 at most 0.2 ms over bare-pull', overBare, 'ms', (value) => value <= 0.2),
    goal('download: at least 250 MB/s', download, 'MB/s', (value) => value >= 250),
  ];
}

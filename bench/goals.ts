/** The speeds this project wants to reach, all as relations within one run: absolute figures depend on the machine. */
import type { ScenarioResult, Summary } from './summarize.ts';

export interface Goal {
  readonly text: string;
  /** What was measured, or undefined when the run did not contain what is needed (or it had errors). */
  readonly measured: string | undefined;
  readonly reached: boolean;
}

function routerIn(results: readonly ScenarioResult[], scenario: string): Summary | undefined {
  const found = results.find(({ name }) => name === scenario);
  const valid = found?.summaries.every(({ errors }) => errors === 0) === true;
  return valid ? found?.summaries.find(({ target }) => target === 'router') : undefined;
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

export function checkGoals(results: readonly ScenarioResult[]): Goal[] {
  const ofSmall = ['small-32', 'small-256'].flatMap((name) => {
    const ratios = routerIn(results, name)?.ratios;
    return [
      goal(`${name}: at least 0.28 × nginx`, ratios?.nginx, '×', (value) => value >= 0.28),
      goal(`${name}: at least 0.45 × node-push`, ratios?.['node-push'], '×', (value) => value >= 0.45),
    ];
  });
  const over = routerIn(results, 'small-1')?.p50OverDirectMs;
  const download = routerIn(results, 'download')?.rate;
  return [
    ...ofSmall,
    goal('small-1: p50 at most 0.6 ms over direct', over, 'ms', (value) => value <= 0.6),
    goal('download: at least 250 MB/s', download, 'MB/s', (value) => value >= 250),
  ];
}

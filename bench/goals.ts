/** The speeds this project wants to reach, all as relations within one run: absolute figures depend on the machine. */
import type { Sample } from './run-rounds.ts';
import { median, type ScenarioResult, type Summary } from './summarize.ts';

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

/** CPU per request of `router-apps` above that of `router`, in per cent: the median over rounds. */
function appsCost(results: readonly ScenarioResult[]): number | null {
  const found = results.find(({ name }) => name === 'small-32');
  const cpu = (sample: Sample) => {
    const parts = ['redis', 'hub', 'agent'].map((part) => sample.cpuUsPerUnit[part] ?? null);
    return parts.includes(null) ? null : parts.reduce<number>((sum, part) => sum + (part ?? 0), 0);
  };
  return median(
    (found?.rounds ?? []).map(({ router, 'router-apps': apps }) => {
      const [without, with_] = [router && cpu(router), apps && cpu(apps)];
      return without && with_ ? 100 * (with_ / without - 1) : null;
    }),
  );
}

export function checkGoals(results: readonly ScenarioResult[]): Goal[] {
  const ofSmall = ['small-32', 'small-256'].flatMap((name) => {
    const ratios = routerIn(results, name)?.ratios;
    return [
      goal(`${name}: at least 0.28 × nginx`, ratios?.nginx, '×', (value) => value >= 0.28),
      goal(`${name}: at least 0.45 × node-push`, ratios?.['node-push'], '×', (value) => value >= 0.45),
    ];
  });
  const apps = appsCost(results);
  const over = routerIn(results, 'small-1')?.p50OverDirectMs;
  const download = routerIn(results, 'download')?.rate;
  return [
    ...ofSmall,
    goal('small-32: a configuration costs at most 5 % CPU', apps, '%', (value) => value <= 5),
    goal('small-1: p50 at most 0.6 ms over direct', over, 'ms', (value) => value <= 0.6),
    goal('download: at least 250 MB/s', download, 'MB/s', (value) => value >= 250),
  ];
}

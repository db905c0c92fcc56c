import type { Execution } from './exchanges.ts';

/** An upstream notices a call that was stopped a moment after the call that took its place. */
const NOTICE_MS = 150;

/** The most calls that there were at once, and when; `ignored` are times, from and to, that do not count. */
export function mostAtOnce(
  executions: readonly Execution[],
  ignored: readonly (readonly [number, number])[] = [],
): { running: number; at: number } {
  const steps = executions.flatMap(({ startAt, end }) => [
    { at: startAt, by: 1 },
    { at: end === undefined ? Infinity : end.at - (end.how === 'finished' ? 0 : NOTICE_MS), by: -1 },
  ]);
  // An end comes before a beginning at the same moment.
  steps.sort((a, b) => a.at - b.at || a.by - b.by);
  let running = 0;
  let most = { running: 0, at: 0 };
  for (const { at, by } of steps) {
    running += by;
    const counts = !ignored.some(([from, to]) => at >= from && at <= to);
    if (running > most.running && counts) most = { running, at };
  }
  return most;
}

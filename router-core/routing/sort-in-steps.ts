import { isPause, type Steps } from '../config/steps.ts';

type Compare<T> = (a: T, b: T) => number;

/** Sorting this many takes about a millisecond. */
const RUN = 512;

/** Sorts a copy, stably. */
export function* sortInSteps<T>(list: readonly T[], compare: Compare<T>): Steps<T[]> {
  let runs: T[][] = [];
  for (let at = 0; at < list.length; at += RUN) {
    yield;
    runs.push(list.slice(at, at + RUN).sort(compare));
  }
  while (runs.length > 1) {
    const longer: T[][] = [];
    for (let at = 0; at < runs.length; at += 2) {
      longer.push(yield* mergeInSteps(runs[at] ?? [], runs[at + 1] ?? [], compare));
    }
    runs = longer;
  }
  return runs[0] ?? [];
}

/** Merges two sorted lists; among equals those of the first come first. */
export function* mergeInSteps<T>(first: readonly T[], second: readonly T[], compare: Compare<T>): Steps<T[]> {
  const merged: T[] = [];
  let a = 0;
  let b = 0;
  while (a < first.length || b < second.length) {
    if (isPause(a + b)) yield;
    const isFirst = b >= second.length || (a < first.length && compare(first[a] as T, second[b] as T) <= 0);
    merged.push((isFirst ? first[a++] : second[b++]) as T);
  }
  return merged;
}

/**
 * The units of RE2's syntax: quoted text, escapes, classes (a leading `]` is literal), counted repetitions; anything else is
 * one character. The pattern backtracks only from an unterminated class, which costs 2,048² steps at most.
 */
const UNIT =
  /\\Q[^]*?(?:\\E|$)|\\[pP](?:\{[^}]*\}|[^])|\\x\{[^}]*\}|\\[^]|\[\^?\]?(?:\[:\^?[a-z]+:\]|\\[^]|[^\]\\])*\]|\{\d+(?:,\d*)?\}|[^]/g;

/** A class of Unicode letters has hundreds of ranges: 0.1 ms each to compile (measured). */
const UNICODE_CLASS_SIZE = 20;

/**
 * An estimate of how many instructions a regular expression compiles to. Counted repetitions multiply their content, and
 * nested ones multiply each other. It must be known before compiling: a million instructions take seconds to compile.
 */
export function estimatePatternSize(source: string): number {
  const outer: number[] = [];
  let size = 0;
  let last = 0;
  for (const [unit] of source.matchAll(UNIT)) {
    if (unit === '(') {
      outer.push(size);
      size = 0;
      last = 0;
    } else if (unit === ')') {
      last = size + 2;
      size = (outer.pop() ?? 0) + last;
    } else if (unit.length > 1 && unit.startsWith('{')) {
      const [least = 1, most = least] = unit.match(/\d+/g)?.map(Number) ?? [];
      const repeated = Math.max(least, most, 1) * (last + 1);
      size += repeated - last;
      last = repeated;
    } else if ('*+?|'.includes(unit)) {
      size += 1;
      last += 1;
    } else {
      last = sizeOfOne(unit);
      size += unit.startsWith('\\Q') ? unit.length : last;
    }
  }
  return outer.reduce((sum, one) => sum + one, size);
}

function sizeOfOne(unit: string): number {
  if (unit.startsWith('\\Q')) return 1;
  return 1 + UNICODE_CLASS_SIZE * (unit.match(/\\[pP]/g)?.length ?? 0);
}

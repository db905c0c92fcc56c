import { displayWidth, fit, printable, truncate } from './printable.ts';
import type { Style, Tone } from './style.ts';

export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => string;
  readonly tone?: (row: T) => Tone | undefined;
  readonly right?: boolean;
}

export interface TableSpace {
  /** Undefined: there is no terminal, and nothing is cut. */
  readonly columns: number | undefined;
  readonly style: Style;
}

const GAP = 2;
/** A column is not made narrower than that: better that the line is cut. */
const LEAST = 6;

/** Lines of a table with a header. A column in which no row says anything is left out. */
export function table<T>(rows: readonly T[], columns: readonly Column<T>[], space: TableSpace): string[] {
  const filled = columns
    .map((column) => ({ column, cells: rows.map((row) => printable(column.cell(row))) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ''));
  const natural = filled.map(({ column, cells }) => Math.max(...[column.title, ...cells].map(displayWidth)));
  const widths = space.columns === undefined ? natural : shrink(natural, space.columns);
  // The last one needs no blanks behind it.
  const padded = (text: string, i: number): string => {
    const width = widths[i] ?? 0;
    const isLast = i === filled.length - 1 && !filled[i]?.column.right;
    return isLast ? truncate(text, width) : fit(text, width, { right: filled[i]?.column.right ?? false });
  };
  const join = (parts: string[]) => parts.join(' '.repeat(GAP)).trimEnd();
  return [
    join(filled.map(({ column }, i) => space.style('quiet', padded(column.title, i)))),
    ...rows.map((row, r) =>
      join(filled.map(({ column, cells }, i) => space.style(column.tone?.(row), padded(cells[r] ?? '', i)))),
    ),
  ];
}

/** Takes from the widest column, one by one, until all fit; what then does not is left out at the right. */
function shrink(natural: readonly number[], available: number): number[] {
  const widths = [...natural];
  const total = () => widths.reduce((sum, width) => sum + width, 0) + GAP * (widths.length - 1);
  while (total() > available) {
    const widest = Math.max(...widths);
    if (widest <= LEAST) break;
    widths[widths.indexOf(widest)] = widest - 1;
  }
  let left = available;
  return widths.map((width) => {
    const kept = Math.max(0, Math.min(width, left));
    left -= kept + GAP;
    return kept;
  });
}

/** `label  value` lines. */
export function pairs(
  rows: readonly (readonly [label: string, value: string])[],
  { columns, style }: TableSpace,
) {
  const width = Math.max(0, ...rows.map(([label]) => displayWidth(label)));
  return rows.map(([label, value]) => {
    const text = printable(value);
    const shown = columns === undefined ? text : truncate(text, Math.max(LEAST, columns - width - GAP));
    return `${style('quiet', fit(label, width))}${' '.repeat(GAP)}${shown}`.trimEnd();
  });
}

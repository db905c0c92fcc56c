import { displayWidth, fit, printable, truncate } from './printable.ts';
import type { Style, Tone } from './style.ts';

export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => string;
  readonly tone?: (row: T) => Tone | undefined;
  readonly right?: boolean;
  /** True for a column that is omitted when there is too little room. */
  readonly optional?: boolean;
}

export interface TableSpace {
  /** Undefined without a terminal: then nothing is cut. */
  readonly columns: number | undefined;
  readonly style: Style;
}

const GAP = 2;
/** A column is not made narrower than this: cutting the line is better. */
const LEAST = 6;

export interface Cell {
  readonly text: string;
  readonly tone: Tone | undefined;
}

/** The cells of a table, padded to the widths of their columns, with two blanks between them. */
export interface TableLayout {
  readonly header: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** Columns without any text are omitted. `available`: columns of the terminal, if there is one. */
export function layOutTable<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  available: number | undefined,
): TableLayout {
  const filled = columns
    .map((column): FilledColumn<T> => {
      const cells = rows.map((row) => printable(column.cell(row)));
      return { column, cells, width: Math.max(...[column.title, ...cells].map(displayWidth)) };
    })
    .filter(({ cells }) => cells.some((cell) => cell !== ''));
  if (available !== undefined) dropOptional(filled, available);
  const natural = filled.map(({ width }) => width);
  const widths = available === undefined ? natural : shrink(natural, available);
  const padded = (text: string, i: number): string =>
    fit(text, widths[i] ?? 0, { right: filled[i]?.column.right ?? false });
  return {
    header: filled.map(({ column }, i) => padded(column.title, i)),
    rows: rows.map((row, r) =>
      filled.map(({ column, cells }, i) => ({ text: padded(cells[r] ?? '', i), tone: column.tone?.(row) })),
    ),
  };
}

interface FilledColumn<T> {
  readonly column: Column<T>;
  readonly cells: readonly string[];
  readonly width: number;
}

const totalWidth = (widths: readonly number[]) =>
  widths.reduce((sum, width) => sum + width, 0) + GAP * (widths.length - 1);

/** From the right, until the rest has room. */
function dropOptional<T>(filled: FilledColumn<T>[], available: number): void {
  while (totalWidth(filled.map(({ width }) => width)) > available) {
    const last = filled.findLastIndex(({ column }) => column.optional);
    if (last < 0) return;
    filled.splice(last, 1);
  }
}

export const COLUMN_GAP = ' '.repeat(GAP);

/** Lines of a table with a header. */
export function table<T>(rows: readonly T[], columns: readonly Column<T>[], space: TableSpace): string[] {
  const { header, rows: laidOut } = layOutTable(rows, columns, space.columns);
  // The last cell needs no padding.
  const join = (cells: readonly Cell[]) =>
    cells
      .map(({ text, tone }, i) => space.style(tone, i === cells.length - 1 ? text.trimEnd() : text))
      .join(COLUMN_GAP)
      .trimEnd();
  return [join(header.map((text) => ({ text, tone: 'quiet' as const }))), ...laidOut.map(join)];
}

/** Shortens the widest column one by one until all fit; the rest is cut off at the right. */
function shrink(natural: readonly number[], available: number): number[] {
  const widths = [...natural];
  while (totalWidth(widths) > available) {
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
export function labelled(
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

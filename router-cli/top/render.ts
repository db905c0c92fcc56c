import { displayWidth, fit, truncate } from '../terminal/printable.ts';
import type { Tone } from '../terminal/style.ts';
import { COLUMN_GAP, layOutTable } from '../terminal/table.ts';
import { count } from '../terminal/words.ts';
import { TOP_KEYS } from './top-keys.ts';
import type { TopState } from './top-state.ts';
import { rowsOf, VIEWS, type ViewRow, type ViewTable } from './top-view.ts';

/** A part of a line with one style. */
export interface Segment {
  readonly text: string;
  readonly tone?: Tone | undefined;
  readonly inverse?: boolean;
}

export type Line = readonly Segment[];

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

const SMALL_ROWS = 9;

const KEYS = 'q quit  ? help  / filter  s sort  r reverse  p pause  d drain  c cancel';

/** The whole screen, as many lines as it has rows. */
export function render(state: TopState, url: string, size: ScreenSize): Line[] {
  const whole = [...header(state, url, size.columns), tabs(state), []];
  // On a small screen the rows matter more.
  const head = size.rows < SMALL_ROWS ? whole.slice(1, 2) : whole;
  const foot = footer(state);
  const room = Math.max(0, size.rows - head.length - 1);
  const body = state.isHelp ? TOP_KEYS.map((text) => [{ text }]) : tableLines(state, { ...size, rows: room });
  const filled = [
    ...body.slice(0, room),
    ...Array.from({ length: Math.max(0, room - body.length) }, () => []),
  ];
  return [...head, ...filled, foot].slice(-size.rows);
}

function header({ status, history, lost }: TopState, url: string, columns: number): Line[] {
  const { groups, hubs, version } = status;
  const total = (value: (group: (typeof groups)[number]) => number) =>
    groups.reduce((sum, group) => sum + value(group), 0);
  const left = `mini-router  ${url}  ${count(hubs.length, 'hub')}, configuration ${version}`;
  const rate = `requests ${total((group) => group.perSecond).toFixed(1)}/s `;
  const running = `  running ${total((group) => group.running)}/${total((group) => group.slots)} `;
  const waiting = `  waiting ${total((group) => group.waiting)} `;
  const room = columns - rate.length - running.length - waiting.length;
  const width = Math.max(0, Math.min(30, Math.floor(room / 3)));
  return [
    [
      { text: fit(left, Math.max(0, columns - 6)), tone: 'strong' },
      lost === undefined ? { text: '  live', tone: 'good' } : { text: '  lost', tone: 'bad' },
    ],
    [
      { text: rate },
      { text: history.line('per second', width), tone: 'good' },
      { text: running },
      { text: history.line('running', width), tone: 'good' },
      { text: waiting },
      { text: history.line('waiting', width), tone: 'warn' },
    ],
  ];
}

/** A number before a word would read as a count, so the key stands in brackets, and the count behind. */
function tabs({ status, view, filter, isTyping }: TopState): Line {
  const rows = rowsOf(status);
  const names = VIEWS.flatMap((each, i): Segment[] => [
    { text: ` [${i + 1}] ${each} ${rows[each]} `, inverse: each === view },
    { text: ' ' },
  ]);
  const shown =
    filter === '' && !isTyping
      ? []
      : [{ text: ` filter: ${filter}${isTyping ? '█' : ''}`, tone: 'warn' as const }];
  return [...names, ...shown];
}

function tableLines(state: TopState, { columns, rows: room }: ScreenSize): Line[] {
  const table = state.table();
  if (table.rows.length === 0) {
    const what = state.filter === '' ? `there are no ${state.view}` : `no ${state.view} like that`;
    return [[{ text: what, tone: 'quiet' }]];
  }
  const { header: titles, rows } = layOutTable<ViewRow>(table.rows, columnsOf(table, state), columns);
  const selected = state.selectedIndex(table.rows);
  // The selected row is always visible.
  const visible = Math.max(1, room - 1);
  const from = Math.max(0, Math.min(selected - Math.floor(visible / 2), rows.length - visible));
  return [
    [{ text: titles.join(COLUMN_GAP), tone: 'quiet' }],
    ...rows.slice(from, from + visible).map((cells, i): Line => {
      const inverse = from + i === selected;
      if (inverse) return [{ text: fit(cells.map(({ text }) => text).join(COLUMN_GAP), columns), inverse }];
      return cells.flatMap(({ text, tone }): Segment[] => [{ text, tone }, { text: COLUMN_GAP }]);
    }),
  ];
}

function columnsOf({ titles, right, optional }: ViewTable, { order }: TopState) {
  return titles.map((title, i) => ({
    title: i === order.column ? `${title}${order.descending ? '▼' : '▲'}` : title,
    right: right[i] ?? false,
    // The column by which the rows are sorted is always shown.
    optional: (optional[i] ?? false) && i !== order.column,
    cell: (row: ViewRow) => row.cells[i] ?? '',
    tone: (row: ViewRow) => row.tones[i],
  }));
}

function footer({ question, message, lost }: TopState): Line {
  if (question) return [{ text: `${question.text} y/n`, tone: 'warn' }];
  if (message) return [{ text: message.text, tone: message.tone }];
  if (lost !== undefined) return [{ text: lost, tone: 'bad' }];
  return [{ text: KEYS, tone: 'quiet' }];
}

/** Cut to the width of the screen. */
export function clip(line: Line, columns: number): Line {
  let left = columns;
  return line.flatMap((segment) => {
    const text = truncate(segment.text, left);
    left -= displayWidth(text);
    return text === '' ? [] : [{ ...segment, text }];
  });
}

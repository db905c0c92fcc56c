import { History } from './history.ts';
import {
  tableOf,
  VIEWS,
  type Shown,
  type Subject,
  type View,
  type ViewRow,
  type ViewTable,
} from './top-view.ts';
import type { RequestInFlight } from '../api/requests.ts';
import type { Status } from '../api/status.ts';
import type { Tone } from '../terminal/style.ts';

interface Order {
  readonly column: number;
  readonly descending: boolean;
}

/** A question in the last line. */
export interface Question {
  readonly text: string;
  readonly run: () => Promise<string>;
}

/** The oldest requests come first: people look for those that wait longest. */
const FIRST_ORDER: Partial<Record<View, Order>> = { requests: { column: 3, descending: true } };

const EMPTY: Status = { version: 0, hubs: [], groups: [] };

/** The state of the view, which keys change. Knows neither a terminal nor the API. */
export class TopState {
  view: View = 'groups';
  filter = '';
  /** The filter is being typed. */
  isTyping = false;
  isHelp = false;
  question: Question | undefined;
  message: { readonly text: string; readonly tone: Tone } | undefined;
  /** The reason why no status comes; undefined while it does. */
  lost: string | undefined = 'connecting …';
  readonly history = new History();
  #status: Status = EMPTY;
  #requests: readonly RequestInFlight[] = [];
  readonly #orders = new Map<View, Order>();
  readonly #selected = new Map<View, string>();

  get status(): Status {
    return this.#status;
  }

  get order(): Order {
    return this.#orders.get(this.view) ?? FIRST_ORDER[this.view] ?? { column: 0, descending: false };
  }

  setStatus(status: Status): void {
    this.#status = status;
    this.lost = undefined;
    const { groups } = status;
    const total = (value: (group: Status['groups'][number]) => number) =>
      groups.reduce((sum, group) => sum + value(group), 0);
    this.history.add(
      new Map([
        ['per second', total((group) => group.perSecond)],
        ['waiting', total((group) => group.waiting)],
        ['running', total((group) => group.running)],
        ...groups.map(({ name, perSecond }): [string, number] => [`group ${name}`, perSecond]),
      ]),
    );
  }

  setRequests(requests: readonly RequestInFlight[]): void {
    this.#requests = requests;
  }

  /** The rows of the view, filtered and sorted. */
  table(): ViewTable {
    const shown: Shown = { status: this.#status, requests: this.#requests, history: this.history };
    const table = tableOf(this.view, shown);
    const wanted = this.filter.toLowerCase();
    const { column, descending } = this.order;
    const compare = (a: ViewRow, b: ViewRow) => {
      const order = compareKeys(a.sortKeys[column] ?? '', b.sortKeys[column] ?? '');
      return (descending ? -order : order) || compareKeys(a.subject.id, b.subject.id);
    };
    const rows = table.rows
      .filter(({ cells }) => cells.some((cell) => cell.toLowerCase().includes(wanted)))
      .sort(compare);
    return { ...table, rows };
  }

  /** Follows its row when the order changes; when the row has gone, the first one is selected. */
  selectedIndex(rows: readonly ViewRow[]): number {
    const id = this.#selected.get(this.view);
    return Math.max(
      0,
      rows.findIndex(({ subject }) => subject.id === id),
    );
  }

  selected(): Subject | undefined {
    const { rows } = this.table();
    return rows[this.selectedIndex(rows)]?.subject;
  }

  moveSelection(by: number): void {
    const { rows } = this.table();
    const index = Math.min(rows.length - 1, Math.max(0, this.selectedIndex(rows) + by));
    const id = rows[index]?.subject.id;
    if (id !== undefined) this.#selected.set(this.view, id);
  }

  showView(view: View): void {
    this.view = view;
    this.filter = '';
  }

  nextView(by: number): void {
    const index = (VIEWS.indexOf(this.view) + by + VIEWS.length) % VIEWS.length;
    this.showView(VIEWS[index] ?? 'groups');
  }

  /** Numbers begin with the largest, texts with the first letter. */
  sortByNext(): void {
    const { titles, right } = tableOf(this.view, { status: EMPTY, requests: [], history: this.history });
    const column = (this.order.column + 1) % titles.length;
    this.#orders.set(this.view, { column, descending: right[column] ?? false });
  }

  reverseOrder(): void {
    this.#orders.set(this.view, { ...this.order, descending: !this.order.descending });
  }
}

function compareKeys(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), 'en', { numeric: true });
}

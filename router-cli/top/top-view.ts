import type { RequestInFlight } from '../api/requests.ts';
import type { GroupStatus, HubStatus, InstanceStatus, Status } from '../api/status.ts';
import { linkInWords, toneOfState } from '../commands/instances.ts';
import { isServing, stateOfGroup } from '../commands/status.ts';
import type { Tone } from '../terminal/style.ts';
import type { Column } from '../terminal/table.ts';
import { elapsed, latencyInWords, timeInWords } from '../terminal/words.ts';
import type { History } from './history.ts';

export const VIEWS = ['groups', 'instances', 'requests', 'hubs'] as const;
export type View = (typeof VIEWS)[number];

/** The object of a row, on which keys act. */
export type Subject =
  | { readonly kind: 'group'; readonly id: string; readonly paused: boolean }
  | { readonly kind: 'instance'; readonly id: string; readonly agent: string | null; readonly state: string }
  | { readonly kind: 'request'; readonly id: string; readonly group: string }
  | { readonly kind: 'hub'; readonly id: string };

export interface ViewRow {
  readonly subject: Subject;
  /** One for each column. */
  readonly cells: readonly string[];
  readonly tones: readonly (Tone | undefined)[];
  readonly sortKeys: readonly (string | number)[];
}

export interface ViewTable {
  readonly titles: readonly string[];
  readonly right: readonly boolean[];
  readonly optional: readonly boolean[];
  readonly rows: readonly ViewRow[];
}

interface TopColumn<T> extends Column<T> {
  /** The value by which rows are sorted; the text when omitted. */
  readonly value?: (row: T) => string | number;
}

const SPARKLINE = 20;

const groupColumns = (history: History): TopColumn<GroupStatus>[] => [
  { title: 'GROUP', cell: (row) => row.name },
  number(
    'WAITING',
    (row) => row.waiting,
    (row) => (row.waiting > 0 ? 'warn' : undefined),
  ),
  { ...number<GroupStatus>('QUEUED', (row) => row.queued), optional: true },
  number('RUNNING', (row) => row.running),
  number('SLOTS', (row) => row.slots),
  { ...number<GroupStatus>('/SEC', (row) => row.perSecond), cell: (row) => row.perSecond.toFixed(1) },
  latency('P50', (row) => row.p50Ms),
  latency('P99', (row) => row.p99Ms),
  {
    title: 'ERR',
    right: true,
    optional: true,
    cell: ({ errorRate }) => (errorRate === null ? '-' : `${Math.ceil(errorRate * 100)}%`),
    value: ({ errorRate }) => errorRate ?? -1,
    tone: ({ errorRate }) => (errorRate ? 'bad' : undefined),
  },
  {
    title: 'LAST MINUTE',
    optional: true,
    cell: (row) => history.line(`group ${row.name}`, SPARKLINE),
    value: (row) => row.perSecond,
  },
  { ...number<GroupStatus>('INSTANCES', (row) => row.instances.length), optional: true },
  { title: 'STATE', cell: stateOfGroup, tone: (row) => (isServing(row) ? 'good' : 'warn') },
];

const instanceColumns: TopColumn<InstanceStatus>[] = [
  { title: 'INSTANCE', cell: (row) => row.id },
  { title: 'GROUP', cell: (row) => row.group },
  { title: 'AGENT', cell: (row) => row.agent ?? '' },
  number('RUNNING', (row) => row.inFlight),
  number('SLOTS', (row) => row.concurrency),
  { title: 'STATE', cell: (row) => row.state, tone: (row) => toneOfState(row.state) },
  { title: 'VERSION', cell: (row) => row.version, optional: true },
  { title: 'LINK', cell: linkInWords, optional: true },
  { title: 'WHY', cell: (row) => row.reason ?? '' },
];

const requestColumns: TopColumn<RequestInFlight>[] = [
  { title: 'REQUEST', cell: (row) => row.id },
  { title: 'GROUP', cell: (row) => row.group },
  { title: 'STATE', cell: (row) => row.state, tone: (row) => (row.state === 'running' ? 'good' : 'warn') },
  { ...number<RequestInFlight>('FOR', (row) => row.sinceMs), cell: (row) => elapsed(row.sinceMs) },
  { ...number<RequestInFlight>('TRY', (row) => row.attempt), optional: true },
  { title: 'INSTANCE', cell: (row) => row.instance ?? '', optional: true },
  { title: 'METHOD', cell: (row) => row.method },
  { title: 'TARGET', cell: (row) => row.target },
];

const hubColumns: TopColumn<HubStatus>[] = [
  { title: 'HUB', cell: (row) => row.id },
  { title: 'MACHINE', cell: (row) => row.name },
  { title: 'ADDRESS', cell: (row) => row.address },
  number('IN FLIGHT', (row) => row.inFlight),
  {
    title: 'STARTED',
    cell: (row) => timeInWords(row.startedAt),
    value: (row) => Date.parse(row.startedAt) || 0,
  },
  { title: 'CONFIG', cell: (row) => String(row.configVersion), optional: true },
  { title: 'VERSION', cell: (row) => row.version, optional: true },
];

function number<T>(title: string, value: (row: T) => number, tone?: Column<T>['tone']): TopColumn<T> {
  return { title, value, cell: (row) => String(value(row)), right: true, ...(tone && { tone }) };
}

function latency(title: string, ms: (row: GroupStatus) => number | null): TopColumn<GroupStatus> {
  // Rows without a value sort as the fastest.
  const column = number<GroupStatus>(title, (row) => ms(row) ?? -1);
  // The column stays when it is empty: a live view should not jump.
  return { ...column, cell: (row) => latencyInWords(ms(row)) || '-', optional: true };
}

/** The number of rows of each view. */
export function rowsOf({ groups, hubs }: Status): Readonly<Record<View, number>> {
  const sum = (value: (group: GroupStatus) => number) =>
    groups.reduce((total, group) => total + value(group), 0);
  return {
    groups: groups.length,
    instances: sum(({ instances }) => instances.length),
    requests: sum(({ waiting, queued, running }) => waiting + queued + running),
    hubs: hubs.length,
  };
}

export interface Shown {
  readonly status: Status;
  readonly requests: readonly RequestInFlight[];
  readonly history: History;
}

/** All rows of a view, unsorted. */
export function tableOf(view: View, { status, requests, history }: Shown): ViewTable {
  const { groups } = status;
  if (view === 'groups') {
    return build(groups, groupColumns(history), ({ name, paused }) => ({ kind: 'group', id: name, paused }));
  }
  if (view === 'instances') {
    const instances = groups.flatMap((group) => group.instances);
    return build(instances, instanceColumns, ({ id, agent, state }) => ({
      kind: 'instance',
      id,
      agent,
      state,
    }));
  }
  if (view === 'hubs') return build(status.hubs, hubColumns, ({ id }) => ({ kind: 'hub', id }));
  return build(requests, requestColumns, ({ id, group }) => ({ kind: 'request', id, group }));
}

function build<T>(
  items: readonly T[],
  columns: readonly TopColumn<T>[],
  subjectOf: (item: T) => Subject,
): ViewTable {
  return {
    titles: columns.map(({ title }) => title),
    right: columns.map(({ right = false }) => right),
    optional: columns.map(({ optional = false }) => optional),
    rows: items.map((item) => ({
      subject: subjectOf(item),
      cells: columns.map(({ cell }) => cell(item)),
      tones: columns.map(({ tone }) => tone?.(item)),
      sortKeys: columns.map(({ value, cell }) => (value ?? cell)(item)),
    })),
  };
}

import type { z } from 'zod';
import type { OBJECT_SCHEMAS, ObjectKind } from '../../router-core/config/object-kinds.ts';
import type { JsonObject } from '../api/client.ts';
import type { Tone } from '../terminal/style.ts';
import type { Column } from '../terminal/table.ts';
import { durationInWords, timeInWords } from '../terminal/words.ts';

type View<K extends ObjectKind> = z.output<(typeof OBJECT_SCHEMAS)[K]> & {
  tokens?: { lastUsedAt?: string | null }[];
};

const limit = (n: number): string => (n === 0 ? 'none' : String(n));

const name: Column<{ name: string }> = { title: 'NAME', cell: (row) => row.name };
const description: Column<{ description: string }> = {
  title: 'DESCRIPTION',
  cell: (row) => row.description,
};
const expires: Column<{ expiresAt: string | null }> = {
  title: 'EXPIRES',
  cell: (row) => timeInWords(row.expiresAt) || 'never',
};

const lastUsed: Column<{ tokens?: { lastUsedAt?: string | null }[] }> = {
  title: 'LAST USED',
  cell: ({ tokens = [] }) => {
    if (tokens.length === 0) return 'no token';
    const times = tokens.flatMap(({ lastUsedAt }) => lastUsedAt ?? []).sort();
    return timeInWords(times.at(-1)) || 'never';
  },
};

const STATE_TONES: Record<string, Tone> = { active: 'good', paused: 'warn', draining: 'warn' };

function stateOf({ paused, draining = false }: { paused: boolean; draining?: boolean }): string {
  if (draining) return 'draining';
  return paused ? 'paused' : 'active';
}

const state: Column<{ paused: boolean; draining?: boolean }> = {
  title: 'STATE',
  cell: stateOf,
  tone: (row) => STATE_TONES[stateOf(row)],
};

const group: Column<View<'group'>>[] = [
  name,
  state,
  { title: 'CONCURRENCY', cell: (row) => limit(row.concurrency), right: true },
  { title: 'QUEUE', cell: (row) => String(row.queue.depth), right: true },
  { title: 'WAIT', cell: (row) => durationInWords(row.queue.waitMs), right: true },
  { title: 'ATTEMPTS', cell: (row) => String(row.retry.attempts), right: true },
  description,
];

/** `GET,POST example.com/v1/*`. */
function matchInWords({ match }: View<'route'>): string {
  const methods = match.methods.length > 0 ? `${match.methods.join(',')} ` : '';
  const path = match.host !== undefined && match.path.startsWith('~') ? ` ${match.path}` : match.path;
  const headers = match.headers.length > 0 ? ` +${match.headers.map((header) => header.name).join(',')}` : '';
  return `${methods}${match.host ?? ''}${path}${headers}`;
}

/** A stored route, or one from the flags of hubs. */
type RouteRow = View<'route'> & { source?: string };

/** `llama`, or `llama 90%, other 10%`. */
function targetsInWords({ groups }: View<'route'>): string {
  if (groups.length === 1) return groups[0]?.group ?? '';
  const total = groups.reduce((sum, { weight }) => sum + weight, 0);
  return groups.map((each) => `${each.group} ${Math.round((100 * each.weight) / total)}%`).join(', ');
}

const route: Column<RouteRow>[] = [
  name,
  { title: 'PRIORITY', cell: (row) => (row.priority === 0 ? '' : String(row.priority)), right: true },
  { title: 'MATCHES', cell: matchInWords },
  { title: 'GOES TO', cell: targetsInWords },
  { title: 'SCOPE', cell: (row) => row.scope ?? '' },
  { title: 'AUTH', cell: (row) => (row.auth === 'none' ? '' : row.auth) },
  { title: 'SOURCE', cell: (row) => row.source ?? '' },
  description,
];

const app: Column<View<'app'>>[] = [
  name,
  state,
  { title: 'GROUPS', cell: (row) => row.groups.join(',') || 'all' },
  { title: 'RATE', cell: ({ rate }) => (rate ? `${rate.requests}/${durationInWords(rate.perMs)}` : 'none') },
  { title: 'CONCURRENCY', cell: (row) => limit(row.concurrency), right: true },
  expires,
  lastUsed,
  description,
];

const agent: Column<View<'agent'>>[] = [
  name,
  { title: 'GROUP', cell: (row) => row.group },
  state,
  { title: 'SCOPES', cell: (row) => row.scopes.join(',') },
  { title: 'CONCURRENCY', cell: (row) => limit(row.concurrency), right: true },
  expires,
  lastUsed,
  description,
];

const admin: Column<View<'admin'>>[] = [
  name,
  { title: 'ROLE', cell: (row) => row.role },
  expires,
  lastUsed,
  description,
];

/** The columns of `list` for each kind. */
export const OBJECT_COLUMNS = { group, route, app, agent, admin } as unknown as Readonly<
  Record<ObjectKind, readonly Column<JsonObject>[]>
>;

import type { InstanceStatus } from '../api/status.ts';
import type { Tone } from '../terminal/style.ts';
import type { Column } from '../terminal/table.ts';

export function toneOfState(state: string): Tone {
  return state === 'ready' ? 'good' : 'warn';
}

/** The hub that carries an agent's link, and its round trip; empty for one that reaches Redis itself. */
export function linkInWords({ link }: InstanceStatus): string {
  if (link === null) return '';
  const { hubName, roundTripMs } = link;
  return roundTripMs === null ? hubName : `${hubName} ${Math.round(roundTripMs)} ms`;
}

/** One upstream of a running agent per line. */
export const instanceColumns: readonly Column<InstanceStatus>[] = [
  { title: 'INSTANCE', cell: (row) => row.id },
  { title: 'GROUP', cell: (row) => row.group },
  { title: 'AGENT', cell: (row) => row.agent ?? '' },
  { title: 'RUNNING', cell: (row) => `${row.inFlight}/${row.concurrency}`, right: true },
  { title: 'STATE', cell: (row) => row.state, tone: (row) => toneOfState(row.state) },
  { title: 'VERSION', cell: (row) => row.version },
  { title: 'LINK', cell: linkInWords },
  { title: 'WHY', cell: (row) => row.reason ?? '' },
];

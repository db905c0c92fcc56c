import type { InstanceStatus } from '../api/status.ts';
import type { Output } from './api-command.ts';
import { printable } from '../terminal/printable.ts';
import type { Tone } from '../terminal/style.ts';
import { labelled as labelledLines, table, type Column, type TableSpace } from '../terminal/table.ts';
import { sizeInWords } from '../terminal/words.ts';

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

/** With `-o wide`: also what its agent tells of itself and of its machine. */
export const wideInstanceColumns: readonly Column<InstanceStatus>[] = [
  ...instanceColumns,
  { title: 'LABELS', cell: ({ labels }) => labelsInWords(labels) },
  { title: 'GPUS', cell: ({ hardware }) => gpusInWords(hardware) },
  { title: 'CPU', cell: ({ hardware }) => (hardware ? cpuInWords(hardware) : '') },
  {
    title: 'MEMORY',
    cell: ({ hardware }) => (hardware ? sizeInWords(hardware.memoryBytes) : ''),
    right: true,
  },
  { title: 'SYSTEM', cell: ({ hardware }) => (hardware ? systemInWords(hardware) : '') },
];

type Hardware = NonNullable<InstanceStatus['hardware']>;

/** The instances of an agent; those that tell the same of their machine are described together. */
export function describeInstances(instances: readonly InstanceStatus[], out: Output): string[] {
  if (instances.length === 0) return [];
  if (out.format === 'wide') return ['', ...table(instances, wideInstanceColumns, out)];
  const machines = new Map(instances.map((each) => [describeMachine(each, out).join('\n'), each]));
  const described = [...machines].filter(([text]) => text !== '');
  return [
    '',
    ...table(instances, instanceColumns, out),
    ...described.flatMap(([text, { id }]) => [
      '',
      ...(described.length > 1 ? [`${printable(id)}:`] : []),
      text,
    ]),
  ];
}

/** A line for each thing that an instance tells of its machine, and its labels. */
function describeMachine({ labels, hardware }: InstanceStatus, space: TableSpace): string[] {
  const about: [label: string, value: string][] = hardware
    ? [
        ['GPUs', gpusInWords(hardware) || 'none'],
        ['CPU', cpuInWords(hardware)],
        ['memory', sizeInWords(hardware.memoryBytes)],
        ['system', systemInWords(hardware)],
      ]
    : [];
  const said = Object.keys(labels).length > 0 ? [['labels', labelsInWords(labels)] as [string, string]] : [];
  return labelledLines([...said, ...about], space);
}

function labelsInWords(labels: InstanceStatus['labels']): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}

function gpusInWords(hardware: Hardware | null): string {
  return (hardware?.gpus ?? [])
    .map(({ name, memoryBytes, driver, count }) =>
      [
        count > 1 ? `${count} ×` : '',
        name,
        memoryBytes > 0 ? sizeInWords(memoryBytes) : '',
        `(driver ${driver})`,
      ]
        .filter((part) => part !== '')
        .join(' '),
    )
    .join(', ');
}

function cpuInWords({ cpu, cores }: Hardware): string {
  return `${cores} × ${cpu}`;
}

function systemInWords({ os, arch, node }: Hardware): string {
  return `${os} ${arch}, Node ${node}`;
}

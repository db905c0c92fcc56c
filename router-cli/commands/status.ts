import type { Command } from 'commander';
import { statusSchema, type GroupStatus, type HubStatus, type Status } from '../api/status.ts';
import { table, type Column, type TableSpace } from '../terminal/table.ts';
import { count, latencyInWords, timeInWords } from '../terminal/words.ts';
import type { Surroundings } from '../surroundings.ts';
import { addApiCommand, type Output } from './api-command.ts';
import { instanceColumns, wideInstanceColumns } from './instances.ts';

/** `status`: what is running now. */
export function statusCommand(program: Command, surroundings: Surroundings): void {
  addApiCommand(program, surroundings, {
    name: 'status',
    about: 'show what is running: hubs, groups and their instances',
    json: 'the answer of GET /v1/status',
    watch: true,
    setUp:
      () =>
      async ({ api, out }) => {
        const { body } = await api.call('GET', '/v1/status');
        out.show(body, () => describeStatus(statusSchema.parse(body), out));
      },
  });
}

function describeStatus(status: Status, space: Output): string[] {
  const { hubs, groups, version } = status;
  const instances = groups.flatMap((group) => group.instances);
  const behind = hubs.filter(({ configVersion }) => configVersion !== version);
  const hints = [
    ...(hubs.length === 0 ? ['No hub is running, or none has reached Redis.'] : []),
    ...(instances.length === 0
      ? ['No agent is running: `router-cli agent add NAME --group GROUP` prints how to start one.']
      : []),
    ...groups.flatMap(({ name, error }) => {
      return error === null
        ? []
        : [`Group ${name} cannot be read (${error}): \`router-cli group repair ${name}\` rebuilds it.`];
    }),
    ...(behind.length > 0 ? [`${count(behind.length, 'hub')} not yet at configuration ${version}.`] : []),
  ];
  const parts = [
    count(hubs.length, 'hub'),
    count(groups.length, 'group'),
    count(instances.length, 'instance'),
  ];
  return [
    `${parts.join(', ')}; ${version === 0 ? 'nothing is configured yet' : `configuration ${version}`}`,
    ...hints.map((hint) => space.style('warn', hint)),
    ...section(groups, groupColumns, space),
    ...legend(groups).map((line) => space.style('quiet', line)),
    ...section(instances, space.format === 'wide' ? wideInstanceColumns : instanceColumns, space),
    ...section(hubs, hubColumns, space),
  ];
}

/** Only when there is something to explain. */
function legend(groups: readonly GroupStatus[]): string[] {
  if (groups.every(({ waiting, queued }) => waiting === 0 && queued === 0)) return [];
  return ['WAITING: in line for a slot. QUEUED: handed out, not yet pulled by an agent.'];
}

function section<T>(rows: readonly T[], columns: readonly Column<T>[], space: TableSpace): string[] {
  return rows.length === 0 ? [] : ['', ...table(rows, columns, space)];
}

/** True when the agents of the group can run its requests. */
export function isServing(group: GroupStatus): boolean {
  const state = stateOfGroup(group);
  return state === 'active' || state === 'by flags';
}

/** The state of its instances when none takes requests. States that the operator can end come first. */
function whyNone(instances: GroupStatus['instances']): string {
  const has = (state: string) => instances.some((instance) => instance.state === state);
  if (has('upstream-down')) return 'upstream down';
  return has('paused') ? 'agents paused' : 'agents draining';
}

export function stateOfGroup({ paused, configured, instances, slots }: GroupStatus): string {
  if (paused) return 'paused';
  if (instances.length === 0) return 'no agent';
  if (instances.every(({ state }) => state !== 'ready')) return whyNone(instances);
  if (slots === 0) return 'no slots';
  return configured ? 'active' : 'by flags';
}

const groupColumns: readonly Column<GroupStatus>[] = [
  { title: 'GROUP', cell: (row) => row.name },
  {
    title: 'WAITING',
    cell: (row) => String(row.waiting),
    right: true,
    tone: (row) => (row.waiting > 0 ? 'warn' : undefined),
  },
  { title: 'QUEUED', cell: (row) => String(row.queued), right: true },
  { title: 'RUNNING', cell: (row) => `${row.running}/${row.slots}`, right: true },
  { title: 'PER SECOND', cell: (row) => row.perSecond.toFixed(1), right: true },
  { title: 'P50', cell: (row) => latencyInWords(row.p50Ms), right: true },
  { title: 'P99', cell: (row) => latencyInWords(row.p99Ms), right: true },
  {
    title: 'STATE',
    cell: stateOfGroup,
    tone: (row) => (isServing(row) ? 'good' : 'warn'),
  },
];

const hubColumns: readonly Column<HubStatus>[] = [
  { title: 'HUB', cell: (row) => row.id },
  { title: 'MACHINE', cell: (row) => row.name },
  { title: 'ADDRESS', cell: (row) => row.address },
  { title: 'IN FLIGHT', cell: (row) => String(row.inFlight), right: true },
  { title: 'STARTED', cell: (row) => timeInWords(row.startedAt) },
  { title: 'VERSION', cell: (row) => row.version },
];

import type { Command } from 'commander';
import { z } from 'zod';
import { printable } from '../terminal/printable.ts';
import { table, type Column } from '../terminal/table.ts';
import type { Surroundings } from '../surroundings.ts';
import { addApiCommand } from './api-command.ts';
import { anyText, useFlag, useLimit } from './flags.ts';

const problemSchema = z.looseObject({
  time: z.string(),
  level: z.string(),
  message: z.string(),
  error: z.string().nullable().catch(null),
  code: z.string().nullable().catch(null),
  about: z.record(z.string(), z.string()).catch({}),
  source: z.string(),
  name: z.string(),
  group: z.string().nullable().catch(null),
  agent: z.string().nullable().catch(null),
});
type Problem = z.output<typeof problemSchema>;

const logsSchema = z.looseObject({
  items: z.array(problemSchema),
  errors: z.array(z.looseObject({ group: z.string(), message: z.string() })).catch([]),
});

/** `logs`: what hubs and agents warn of. */
export function logsCommand(program: Command, surroundings: Surroundings): void {
  addApiCommand(program, surroundings, {
    name: 'logs',
    about:
      'show the recent problems of hubs and agents, the newest last: their log lines of level warn and above, up to an hour after ' +
      'the process has gone',
    json: 'an array of the items of GET /v1/logs, the newest last',
    watch: true,
    setUp(command) {
      const hub = useFlag(command, {
        flag: '--hub <name>',
        about: 'only those of hubs with this name or id',
        type: anyText(),
      });
      const agent = useFlag(command, {
        flag: '--agent <name>',
        about: 'only those of agents with this record, --name or id',
        type: anyText(),
      });
      const group = useFlag(command, {
        flag: '--group <group>',
        about: 'only those of agents of this group',
        type: anyText(),
      });
      const limit = useLimit(command, 1_000);
      return async ({ api, out }) => {
        const query = { hub: hub(), agent: agent(), group: group(), limit: String(limit()) };
        const { body } = await api.call('GET', '/v1/logs', { query });
        const { items, errors } = logsSchema.parse(body);
        const oldestFirst = items.toReversed();
        for (const error of errors)
          out.note(printable(`the log of the group ${error.group} cannot be read: ${error.message}`));
        if (items.length === 0) out.note('no hub and no agent has logged a problem lately');
        out.show(oldestFirst, () => (items.length === 0 ? [] : table(oldestFirst, columns, out)));
      };
    },
  });
}

const columns: readonly Column<Problem>[] = [
  // Not "3s ago": with --watch every look would print all of it anew.
  { title: 'TIME', cell: (row) => row.time.replace(/\.\d+Z$/, 'Z') },
  { title: 'LEVEL', cell: (row) => row.level, tone: (row) => (row.level === 'warn' ? 'warn' : 'bad') },
  { title: 'FROM', cell: (row) => `${row.source} ${row.agent ?? row.name}` },
  { title: 'GROUP', cell: (row) => row.group ?? '' },
  { title: 'PROBLEM', cell: problemInWords },
];

function problemInWords({ message, error, code, about }: Problem): string {
  const named = Object.entries(about).map(([name, text]) => `${name} ${text}`);
  // Most errors of Node say their code themselves.
  const shown = code !== null && !error?.includes(code) ? [code] : [];
  const details = [...(error === null ? [] : [error]), ...shown, ...named];
  return details.length === 0 ? message : `${message} (${details.join(', ')})`;
}

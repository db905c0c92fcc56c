import type { Command } from 'commander';
import { z } from 'zod';
import { apiPath } from '../api/client.ts';
import { requestsSchema, type RequestInFlight } from '../api/requests.ts';
import { table, type Column } from '../terminal/table.ts';
import { elapsed } from '../terminal/words.ts';
import type { Surroundings } from '../surroundings.ts';
import { addApiCommand } from './api-command.ts';
import { deadCommands } from './dead.ts';
import { anyText, useFlag, useLimit } from './flags.ts';

const outcomeSchema = z.looseObject({ outcome: z.string() });

/** `requests`: the requests without an answer, and those that were given up. */
export function requestCommands(program: Command, surroundings: Surroundings): void {
  const parent = program
    .command('requests')
    .description('requests that have no answer yet, and those given up');
  addApiCommand(parent, surroundings, {
    name: 'list',
    about: 'list requests in flight: those that wait, by age, then those with instances, group by group',
    json: 'an array of the items of GET /v1/requests',
    watch: true,
    setUp(command) {
      const group = useFlag(command, {
        flag: '--group <group>',
        about: 'only those of this group',
        type: anyText(),
      });
      const limit = useLimit(command);
      return async ({ api, out }) => {
        const items = await api.list('/v1/requests', { query: { group: group() }, limit: limit() });
        if (items.length === 0) out.note('no request is in flight');
        out.show(items, () => (items.length === 0 ? [] : table(requestsSchema.parse(items), columns, out)));
      };
    },
  }).alias('ls');

  addApiCommand(parent, surroundings, {
    name: 'cancel',
    args: '<id...>',
    about: 'cancel requests, wherever they are: their clients get 503',
    json: 'an array of {"id", "outcome"}; outcome is removed or running',
    setUp(command) {
      const group = useFlag(command, {
        flag: '--group <group>',
        about: 'the group of the requests, to find them sooner',
        type: anyText(),
      });
      return async ({ api, out, args }) => {
        const outcomes: unknown[] = [];
        for (const id of args) {
          const { body } = await api.call('DELETE', apiPath('requests', id), { query: { group: group() } });
          outcomes.push(body);
        }
        out.show(outcomes, () => outcomes.map((body, i) => `${args[i]} ${inWords(body)}`));
      };
    },
  });
  deadCommands(parent, surroundings);
}

function inWords(body: unknown): string {
  const isRunning = outcomeSchema.parse(body).outcome === 'running';
  return isRunning ? 'was running: its agent was ordered to stop it' : 'was removed before it ran';
}

const columns: readonly Column<RequestInFlight>[] = [
  { title: 'ID', cell: (row) => row.id },
  { title: 'GROUP', cell: (row) => row.group },
  { title: 'STATE', cell: (row) => row.state },
  { title: 'FOR', cell: (row) => elapsed(row.sinceMs), right: true },
  { title: 'TRY', cell: (row) => String(row.attempt), right: true },
  { title: 'INSTANCE', cell: (row) => row.instance ?? '' },
  { title: 'REQUEST', cell: (row) => `${row.method} ${row.target}` },
];

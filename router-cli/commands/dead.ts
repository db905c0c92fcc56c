import type { Command } from 'commander';
import { z } from 'zod';
import { httpUrl } from '../../router-core/runtime/options.ts';
import { apiPath, type ApiClient } from '../api/client.ts';
import { printable } from '../terminal/printable.ts';
import { table, type Column } from '../terminal/table.ts';
import { timeInWords } from '../terminal/words.ts';
import type { Surroundings } from '../surroundings.ts';
import { addApiCommand } from './api-command.ts';
import { anyText, useFlag, useLimit } from './flags.ts';

const deadSchema = z.looseObject({
  id: z.string(),
  group: z.string(),
  method: z.string().catch(''),
  target: z.string().catch(''),
  attempts: z.number().catch(0),
  instance: z.string().nullable().catch(null),
  reason: z.string().catch(''),
  at: z.string().catch(''),
});
type DeadRequest = z.output<typeof deadSchema>;

/** Characters of a target that are kept. */
const KEPT = 1_000;

/** `requests dead` and `requests forget`: the requests that were given up. */
export function deadCommands(parent: Command, surroundings: Surroundings): void {
  listCommand(parent, surroundings);
  forgetCommand(parent, surroundings);
}

function listCommand(parent: Command, surroundings: Surroundings): void {
  addApiCommand(parent, surroundings, {
    name: 'dead',
    about: 'list requests given up after their last attempt, newest first: one of them may crash its agents',
    json: 'an array of the items of GET /v1/dead',
    setUp(command) {
      const group = useFlag(command, {
        flag: '--group <group>',
        about: 'only those of this group',
        type: anyText(),
      });
      const limit = useLimit(command);
      const hub = useFlag(command, {
        flag: '--curl <hub>',
        about: 'print a curl line for each instead, which sends it to the hub at this URL again',
        type: httpUrl(),
      });
      return async ({ api, out }) => {
        const items = await api.list('/v1/dead', { query: { group: group() }, limit: limit() });
        const dead = z.array(deadSchema).parse(items);
        const at = hub();
        if (dead.length === 0) out.note('no request was given up');
        out.show(items, () => {
          if (dead.length === 0) return [];
          return at === undefined ? table(dead, columns, out) : dead.flatMap((each) => curlLines(each, at));
        });
        if (dead.length > 0) {
          out.note(
            at === undefined
              ? '\nTo try one again by hand: router-cli requests dead --curl <URL of a hub> prints how'
              : '\nHeaders and bodies are not kept: add what the upstream needs',
          );
        }
      };
    },
  });
}

function forgetCommand(parent: Command, surroundings: Surroundings): void {
  addApiCommand(parent, surroundings, {
    name: 'forget',
    args: '<id...>',
    about: 'remove requests from the list of those given up',
    json: 'an array of {"id", "group"}',
    setUp(command) {
      const group = useFlag(command, {
        flag: '--group <group>',
        about: 'the group of the requests, to find them sooner',
        type: anyText(),
      });
      return async ({ api, out, args }) => {
        const forgotten: unknown[] = [];
        for (const id of args) {
          const { body } = await api.call('DELETE', apiPath('dead', group() ?? (await groupOf(api, id)), id));
          forgotten.push(body);
        }
        out.show(forgotten, () => args.map((id) => `${id} was removed from the list`));
      };
    },
  });
}

/** For a request that is in no list the API reports the error, so any group will do. */
async function groupOf(api: ApiClient, id: string): Promise<string> {
  const dead = z.array(deadSchema).parse(await api.list('/v1/dead'));
  return dead.find((each) => each.id === id)?.group ?? 'default';
}

const columns: readonly Column<DeadRequest>[] = [
  { title: 'ID', cell: (row) => row.id },
  { title: 'GROUP', cell: (row) => row.group },
  { title: 'WHEN', cell: (row) => timeInWords(row.at) },
  { title: 'TRIES', cell: (row) => String(row.attempts), right: true },
  { title: 'LAST AT', cell: (row) => row.instance ?? '' },
  { title: 'WHY', cell: (row) => row.reason, optional: true },
  { title: 'REQUEST', cell: (row) => `${row.method} ${row.target}` },
];

/** Stored texts may come from anybody: in a shell each must stay one word. */
function curlLines({ id, method, target }: DeadRequest, hub: string): string[] {
  const url = quoted(hub.replace(/\/+$/, '') + target);
  const how = method === 'HEAD' ? '--head' : `--request ${quoted(method)}`;
  const cut = target.length >= KEPT ? [`# ${printable(id)}: of its target only the beginning is kept`] : [];
  return [...cut, `curl --globoff --path-as-is ${how} ${url}`];
}

function quoted(text: string): string {
  return `'${printable(text).replaceAll("'", String.raw`'\''`)}'`;
}

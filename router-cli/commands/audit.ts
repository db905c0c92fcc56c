import type { Command } from 'commander';
import { z } from 'zod';
import { OBJECT_KINDS } from '../../router-core/config/object-kinds.ts';
import { oneOf } from '../../router-core/runtime/options.ts';
import { table, type Column } from '../terminal/table.ts';
import { timeInWords } from '../terminal/words.ts';
import type { Surroundings } from '../surroundings.ts';
import { addApiCommand } from './api-command.ts';
import { changeSchema } from './changes.ts';
import { anyText, useFlag, useLimit } from './flags.ts';

const entrySchema = z.looseObject({
  at: z.string(),
  actor: z.looseObject({ name: z.string(), ip: z.string().nullable().catch(null) }),
  action: z.string(),
  changes: z.array(changeSchema).catch([]),
  more: z.number().optional(),
  request: z.string().optional(),
});
type Entry = z.output<typeof entrySchema>;

/** `audit`: the changes and who made them. */
export function auditCommand(program: Command, surroundings: Surroundings): void {
  addApiCommand(program, surroundings, {
    name: 'audit',
    about: 'show changes and who made them, newest first',
    json: 'an array of the items of GET /v1/audit',
    watch: true,
    setUp(command) {
      const kind = useFlag(command, {
        flag: `--kind <${OBJECT_KINDS.join('|')}>`,
        about: 'only changes of such objects',
        type: oneOf(OBJECT_KINDS),
      });
      const name = useFlag(command, {
        flag: '--name <name>',
        about: 'only changes of this object',
        type: anyText(),
      });
      const actor = useFlag(command, {
        flag: '--actor <admin>',
        about: 'only what this admin has done',
        type: anyText(),
      });
      const limit = useLimit(command);
      return async ({ api, out }) => {
        const query = { kind: kind(), name: name(), actor: actor() };
        const items = await api.list('/v1/audit', { query, limit: limit() });
        if (items.length === 0) out.note('there are no such changes');
        const entries = z.array(entrySchema).parse(items);
        out.show(items, () => (entries.length === 0 ? [] : table(entries, columns, out)));
      };
    },
  }).alias('events');
}

const columns: readonly Column<Entry>[] = [
  { title: 'WHEN', cell: (row) => timeInWords(row.at) },
  { title: 'WHO', cell: (row) => row.actor.name },
  { title: 'FROM', cell: (row) => row.actor.ip ?? '' },
  { title: 'DID', cell: (row) => row.action },
  { title: 'WHAT', cell: whatChanged },
];

function whatChanged({ changes, more = 0, request }: Entry): string {
  if (request !== undefined) return `request ${request}`;
  const shown = changes.map(({ kind, name, fields = [] }) => {
    const paths = fields.map(([path]) => String(path)).join(', ');
    return paths === '' ? `${kind} ${name}` : `${kind} ${name} (${paths})`;
  });
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}

import type { Command } from 'commander';
import { LIST_OF, type ObjectKind } from '../../router-core/config/object-kinds.ts';
import { apiPath } from '../api/client.ts';
import type { Surroundings } from '../surroundings.ts';
import { addApiCommand, type ApiInvocation } from './api-command.ts';
import { dryRunQuery, useDryRun } from './flags.ts';

/** `group remove NAME`. */
export function removeObjectCommand(parent: Command, kind: ObjectKind, surroundings: Surroundings): void {
  addApiCommand(parent, surroundings, {
    name: 'remove',
    args: '<name>',
    about: `remove one ${kind}`,
    json: '{"removed": {"kind", "name"}}',
    asks: true,
    setUp: (command) => {
      const isDryRun = useDryRun(command);
      return async ({ api, out, args: [name = ''], confirm, target }: ApiInvocation) => {
        const dryRun = isDryRun();
        if (!dryRun) await confirm(`Remove the ${kind} "${name}" from ${target.url}?`);
        await api.call('DELETE', apiPath(LIST_OF[kind], name), { query: dryRunQuery(dryRun) });
        const did = dryRun ? 'Would remove' : 'Removed';
        out.show({ removed: { kind, name } }, () => [`${did} the ${kind} ${name}.`]);
      };
    },
  }).alias('rm');
}

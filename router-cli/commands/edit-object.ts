import type { Command } from 'commander';
import { withoutStoreFields } from '../../router-core/config/config-state.ts';
import { LIST_OF, type ObjectKind } from '../../router-core/config/object-kinds.ts';
import { CommandError } from '../../router-core/runtime/run-command.ts';
import { apiPath, type JsonObject } from '../api/client.ts';
import type { Surroundings } from '../surroundings.ts';
import { addApiCommand } from './api-command.ts';
import { editYaml } from './edit-yaml.ts';
import { dryRunQuery, useDryRun } from './flags.ts';
import { placingProblems } from './place-problems.ts';
import { readYaml } from './read-yaml.ts';
import { isObject } from './use-fields.ts';

/** `group edit NAME`: opens one object in the person's editor. */
export function editObjectCommand(parent: Command, kind: ObjectKind, surroundings: Surroundings): void {
  addApiCommand(parent, surroundings, {
    name: 'edit',
    args: '<name>',
    about: `change one ${kind} in your editor, $VISUAL or $EDITOR`,
    json: `the ${kind} as it is now`,
    setUp(command) {
      const isDryRun = useDryRun(command);
      return async (invocation) => {
        const {
          api,
          out,
          args: [name = ''],
        } = invocation;
        const path = apiPath(LIST_OF[kind], name);
        const { body, headers } = await api.call('GET', path);
        const etag = headers.get('etag');
        const value = withoutStoreFields(body as JsonObject);
        await editYaml(invocation, { name, value }, async (source) => {
          const fields = await readYaml(source);
          if (!isObject(fields)) throw new CommandError('expected the fields of one object');
          const dryRun = isDryRun();
          const { body: changed } = await placingProblems(source, () =>
            api.call('PUT', path, {
              body: fields,
              query: dryRunQuery(dryRun),
              headers: etag === null ? {} : { 'if-match': etag },
            }),
          );
          out.show(changed, () => [`${dryRun ? 'Would change' : 'Changed'} the ${kind} ${name}.`]);
        });
      };
    },
  });
}

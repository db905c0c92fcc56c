import type { Command } from 'commander';
import { LIST_OF, type ObjectKind } from '../../router-core/config/object-kinds.ts';
import { TOKEN_KINDS } from '../../router-core/config/token.ts';
import { CommandError } from '../../router-core/runtime/run-command.ts';
import { z } from 'zod';
import { apiPath, type JsonObject } from '../api/client.ts';
import { instanceSchema } from '../api/status.ts';
import { table } from '../terminal/table.ts';
import type { Surroundings } from '../surroundings.ts';
import { addApiCommand, type ApiInvocation } from './api-command.ts';
import { describeObject } from './describe-object.ts';
import { OBJECT_COLUMNS } from './object-columns.ts';
import { showToken } from './show-token.ts';
import { instanceColumns } from './instances.ts';
import { anyText, useFlag } from './flags.ts';
import { joined, useFields, useReset } from './use-fields.ts';

/** What the fields of a new object begin with. */
const NEW: Partial<Record<ObjectKind, JsonObject>> = { admin: { role: 'viewer' } };

/** list, show, add, set and remove: the same for each kind of objects. */
export function objectCommands(parent: Command, kind: ObjectKind, surroundings: Surroundings): void {
  listCommand(parent, kind, surroundings);
  showCommand(parent, kind, surroundings);
  addObjectCommand(parent, kind, surroundings);
  setCommand(parent, kind, surroundings);
  removeCommand(parent, kind, surroundings);
}

function listCommand(parent: Command, kind: ObjectKind, surroundings: Surroundings): void {
  addApiCommand(parent, surroundings, {
    name: 'list',
    about: `list ${LIST_OF[kind]}`,
    json: `an array of what \`show\` prints`,
    setUp:
      () =>
      async ({ api, out }) => {
        const items = await api.list(apiPath(LIST_OF[kind]));
        if (items.length === 0)
          out.note(`there are no ${LIST_OF[kind]} yet: router-cli ${kind} add makes one`);
        out.show(items, () => (items.length === 0 ? [] : table(items, OBJECT_COLUMNS[kind], out)));
      },
  }).alias('ls');
}

function showCommand(parent: Command, kind: ObjectKind, surroundings: Surroundings): void {
  addApiCommand(parent, surroundings, {
    name: 'show',
    args: '<name>',
    about: `show all of one ${kind}`,
    json: `the ${kind}, as GET /v1/${LIST_OF[kind]}/{name} answers`,
    setUp:
      () =>
      async ({ api, out, args: [name = ''] }) => {
        const { body } = await api.call('GET', apiPath(LIST_OF[kind], name));
        const instances =
          kind === 'agent' && !out.json ? await api.list(apiPath('agents', name, 'instances')) : [];
        out.show(body, () => [
          ...describeObject(body as JsonObject, out),
          ...(instances.length > 0
            ? ['', ...table(z.array(instanceSchema).parse(instances), instanceColumns, out)]
            : []),
        ]);
      },
  });
}

function addObjectCommand(parent: Command, kind: ObjectKind, surroundings: Surroundings): void {
  addApiCommand(parent, surroundings, {
    name: 'add',
    args: '<name>',
    about: `add ${kind === 'group' || kind === 'route' ? 'a' : 'an'} ${kind}`,
    json: isIdentity(kind) ? `the ${kind}, with its \`token\`` : `the ${kind}`,
    setUp(command) {
      const fields = useFields(command, kind);
      const upstream = kind === 'agent' ? useUpstream(command) : () => undefined;
      return async (invocation) => {
        const { api, out, args } = invocation;
        const body = { ...NEW[kind], ...(await fields()), name: args[0] };
        const { body: created } = await api.call('POST', apiPath(LIST_OF[kind]), { body });
        const object = created as JsonObject;
        out.show(object, () => [
          `Added the ${kind} ${args[0]}.`,
          ...showToken({ kind, object, upstream: upstream(), isNew: true }, invocation),
        ]);
      };
    },
  });
}

function isIdentity(kind: ObjectKind): boolean {
  return TOKEN_KINDS.some((each) => each === kind);
}

/** Only for the command that is printed: the record of an agent says nothing of its services. */
export function useUpstream(command: Command): () => string | undefined {
  return useFlag(command, {
    flag: '--upstream <url>',
    about: 'the service beside the agent, for the command that is printed',
    type: anyText(),
  });
}

function setCommand(parent: Command, kind: ObjectKind, surroundings: Surroundings): void {
  addApiCommand(parent, surroundings, {
    name: 'set',
    args: '<name>',
    about: `change some fields of one ${kind}`,
    json: `the ${kind} as it is now`,
    setUp(command) {
      const fields = useFields(command, kind);
      const reset = useReset(command, kind);
      return async ({ api, out, args: [name = ''] }) => {
        const body = joined(reset(), await fields());
        if (Object.keys(body).length === 0) {
          throw new CommandError(`nothing to set: see router-cli ${kind} set --help`);
        }
        const { body: changed } = await api.call('PATCH', apiPath(LIST_OF[kind], name), { body });
        out.show(changed, () => [`Changed the ${kind} ${name}.`]);
      };
    },
  });
}

function removeCommand(parent: Command, kind: ObjectKind, surroundings: Surroundings): void {
  addApiCommand(parent, surroundings, {
    name: 'remove',
    args: '<name>',
    about: `remove one ${kind}`,
    json: '{"removed": {"kind", "name"}}',
    asks: true,
    setUp:
      () =>
      async ({ api, out, args: [name = ''], confirm, target }: ApiInvocation) => {
        await confirm(`Remove the ${kind} "${name}" from ${target.url}?`);
        await api.call('DELETE', apiPath(LIST_OF[kind], name));
        out.show({ removed: { kind, name } }, () => [`Removed the ${kind} ${name}.`]);
      },
  }).alias('rm');
}

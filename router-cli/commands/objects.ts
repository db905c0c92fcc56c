import type { Command } from 'commander';
import { LIST_OF, type ObjectKind } from '../../router-core/config/object-kinds.ts';
import { TOKEN_KINDS } from '../../router-core/config/token.ts';
import { CommandError } from '../../router-core/runtime/run-command.ts';
import { z } from 'zod';
import { apiPath, type ApiClient, type JsonObject } from '../api/client.ts';
import { instanceSchema } from '../api/status.ts';
import { table } from '../terminal/table.ts';
import type { Surroundings } from '../surroundings.ts';
import { addApiCommand } from './api-command.ts';
import { showWarnings } from './show-warnings.ts';
import { editObjectCommand } from './edit-object.ts';
import { describeObject } from './describe-object.ts';
import { useAgentStart } from './agent-start.ts';
import { FIELD_FLAGS } from './object-flags.ts';
import { OBJECT_COLUMNS } from './object-columns.ts';
import { removeObjectCommand } from './remove-object.ts';
import { showToken } from './show-token.ts';
import { describeInstances } from './instances.ts';
import { anyText, dryRunQuery, useDryRun, useFlag, useListFlag } from './flags.ts';
import { joined, useFields, useReset } from './use-fields.ts';

/** The first fields of a new object. */
const NEW: Partial<Record<ObjectKind, JsonObject>> = { admin: { role: 'viewer' } };

/** list, show, add, set, edit and remove: the same for each kind of objects. */
export function objectCommands(parent: Command, kind: ObjectKind, surroundings: Surroundings): void {
  listCommand(parent, kind, surroundings);
  showCommand(parent, kind, surroundings);
  addObjectCommand(parent, kind, surroundings);
  setCommand(parent, kind, surroundings);
  editObjectCommand(parent, kind, surroundings);
  removeObjectCommand(parent, kind, surroundings);
}

function listCommand(parent: Command, kind: ObjectKind, surroundings: Surroundings): void {
  addApiCommand(parent, surroundings, {
    name: 'list',
    about: `list ${LIST_OF[kind]}`,
    json:
      kind === 'route'
        ? 'an array of what `show` prints, and of the routes from flags of hubs, which have a `source`'
        : 'an array of what `show` prints',
    watch: true,
    setUp: (command) => {
      const group = kind === 'agent' ? useGroupFilter(command) : () => undefined;
      const label = kind === 'agent' ? useLabelFilter(command) : () => undefined;
      return async ({ api, out }) => {
        const stored = await api.list(apiPath(LIST_OF[kind]), { query: { label: label()?.join(',') } });
        const all = kind === 'route' ? [...stored, ...(await listFlagRoutes(api))] : stored;
        const only = group();
        const items = only === undefined ? all : all.filter((each) => each['group'] === only);
        if (items.length === 0)
          out.note(
            `there are no ${LIST_OF[kind]}${only === undefined ? ' yet' : ` of the group ${only}`}: router-cli ${kind} add makes one`,
          );
        out.show(items, () => (items.length === 0 ? [] : table(items, OBJECT_COLUMNS[kind], out)));
      };
    },
  }).alias('ls');
}

function useGroupFilter(command: Command): () => string | undefined {
  return useFlag(command, { flag: '--group <group>', about: 'only those of this group', type: anyText() });
}

function useLabelFilter(command: Command): () => string[] | undefined {
  return useListFlag(command, {
    flag: '--label <name=value>',
    about: 'only those that run with this label; may be repeated',
    type: anyText(),
  });
}

/** Read-only: these routes come from the flags of live hubs. */
async function listFlagRoutes(api: ApiClient): Promise<JsonObject[]> {
  const { body } = await api.call('GET', '/v1/flag-routes');
  return (body as { items: JsonObject[] }).items;
}

function showCommand(parent: Command, kind: ObjectKind, surroundings: Surroundings): void {
  addApiCommand(parent, surroundings, {
    name: 'show',
    args: '<name>',
    about: `show all of one ${kind}`,
    json: `the ${kind}, as GET /v1/${LIST_OF[kind]}/{name} answers`,
    watch: true,
    setUp:
      () =>
      async ({ api, out, args: [name = ''] }) => {
        const { body } = await api.call('GET', apiPath(LIST_OF[kind], name));
        const instances =
          kind === 'agent' && !out.isData ? await api.list(apiPath('agents', name, 'instances')) : [];
        out.show(body, () => [
          ...describeObject(body as JsonObject, out),
          ...describeInstances(z.array(instanceSchema).parse(instances), out),
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
      const agentStart = kind === 'agent' ? useAgentStart(command) : undefined;
      const isDryRun = useDryRun(command);
      return async (invocation) => {
        const { api, out, args } = invocation;
        const given = await fields();
        const body = { ...NEW[kind], ...given.fields, name: args[0] };
        requireFields(kind, body);
        const dryRun = isDryRun();
        const query = dryRunQuery(dryRun);
        const { body: created } = await given.placing(() =>
          api.call('POST', apiPath(LIST_OF[kind]), { body, query }),
        );
        const object = created as JsonObject;
        showWarnings(object, out);
        if (dryRun) {
          return out.show(object, () => [
            `Would add the ${kind} ${args[0]}:`,
            ...describeObject(object, out),
          ]);
        }
        const start = out.isData ? undefined : await agentStart?.(invocation);
        out.show(object, () => [
          `Added the ${kind} ${args[0]}.`,
          ...showToken({ kind, object, start, isNew: true }, invocation),
        ]);
      };
    },
  });
}

function requireFields(kind: ObjectKind, body: JsonObject): void {
  for (const { flag, about, path } of FIELD_FLAGS[kind].filter(({ required }) => required)) {
    if (body[path[0] ?? ''] !== undefined) continue;
    throw new CommandError(`a new ${kind} needs ${flag} (${about}); see router-cli ${kind} add --help`);
  }
}

function isIdentity(kind: ObjectKind): boolean {
  return TOKEN_KINDS.some((each) => each === kind);
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
      const isDryRun = useDryRun(command);
      return async (invocation) => {
        const {
          api,
          out,
          args: [name = ''],
        } = invocation;
        const given = await fields();
        const body = joined(reset(), given.fields);
        if (Object.keys(body).length === 0) {
          throw new CommandError(`nothing to set: see router-cli ${kind} set --help`);
        }
        const dryRun = isDryRun();
        const query = dryRunQuery(dryRun);
        const { body: changed } = await given.placing(() =>
          api.call('PATCH', apiPath(LIST_OF[kind], name), { body, query }),
        );
        const object = changed as JsonObject;
        showWarnings(object, out);
        if (dryRun) {
          return out.show(object, () => [
            `Would change the ${kind} ${name} to:`,
            ...describeObject(object, out),
          ]);
        }
        out.show(object, () => [`Changed the ${kind} ${name}.`]);
      };
    },
  });
}

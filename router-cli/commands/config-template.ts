import { stringify } from 'yaml';
import { z } from 'zod';
import { FRESH_DOCUMENT } from '../../router-core/config/document.ts';
import {
  LIST_OF,
  OBJECT_KINDS,
  OBJECT_SCHEMAS,
  type ObjectKind,
} from '../../router-core/config/object-kinds.ts';

const HEAD = `# The whole configuration of mini-router but tokens: objects that are not named here are removed when it is applied.
#   router-cli config diff     shows what applying it would change
#   router-cli config apply    shows that, asks, and does it
# Every field but those of the fresh install is a comment, with its default or an example. Durations are milliseconds.
`;

const EXAMPLES: Readonly<Record<ObjectKind, object>> = {
  group: { name: 'llama', concurrency: 16 },
  route: { name: 'llama', match: { path: '/llama/*' }, groups: [{ group: 'llama' }], stripPrefix: true },
  app: { name: 'shop', groups: ['llama'], rate: { requests: 10, perMs: 1_000 } },
  agent: { name: 'gpu-1', group: 'llama', concurrency: 2 },
  admin: { name: 'alice', role: 'operator' },
};

/** The configuration of a fresh install, with every possible field as a comment, made from the schemas. */
export function configTemplate(): string {
  return [HEAD, ...OBJECT_KINDS.map((kind) => section(kind))].join('\n');
}

function section(kind: ObjectKind): string {
  const list = LIST_OF[kind];
  const { $defs = {}, ...schema } = z.toJSONSchema(OBJECT_SCHEMAS[kind], { io: 'input' }) as JsonSchema;
  const example = stringify([EXAMPLES[kind]]).trimEnd().split('\n');
  return [
    `# ${list}: an example, then all fields`,
    ...example.map((line) => `#   ${line}`),
    '#',
    // A schema with an id is a definition, and the document only refers to it.
    ...fieldLines(schema.properties ? schema : (Object.values($defs)[0] ?? {}), ''),
    ...fresh(kind),
    '',
  ].join('\n');
}

/** The objects of a fresh install: only names and fields that differ from their default. */
function fresh(kind: ObjectKind): string[] {
  if (kind === 'group') return ['groups:', ...FRESH_DOCUMENT.groups.map(({ name }) => `  - name: ${name}`)];
  if (kind !== 'route') return [`${LIST_OF[kind]}: []`];
  const routes = FRESH_DOCUMENT.routes.map(({ name, priority, match, groups }) => {
    return { name, priority, match: { path: match.path }, groups: groups.map(({ group }) => ({ group })) };
  });
  return stringify({ routes }).trimEnd().split('\n');
}

interface JsonSchema {
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
}

function fieldLines({ properties = {} }: JsonSchema, indent: string): string[] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const about = field.description === undefined ? '' : `  # ${field.description}`;
    const inner = [field, ...(field.anyOf ?? [])].find((each) => each.properties);
    if (inner) return [`#   ${indent}${name}:${about}`, ...fieldLines(inner, `${indent}  `)];
    const items = field.items?.properties ? field.items : undefined;
    if (items) return [`#   ${indent}${name}:${about}  # each of:`, ...fieldLines(items, `${indent}    `)];
    return [`#   ${indent}${name}: ${valueOf(field)}${about}`];
  });
}

function valueOf(field: JsonSchema): string {
  if (field.default !== undefined) return JSON.stringify(field.default);
  return field.enum ? field.enum.join(' | ') : '…';
}

import type { Command } from 'commander';
import type { ObjectKind } from '../../router-core/config/object-kinds.ts';
import { formatPath } from '../../router-core/config/validation-problems.ts';
import { CommandError } from '../../router-core/runtime/run-command.ts';
import type { JsonObject } from '../api/client.ts';
import { anyText, useFlag, useListFlag } from './flags.ts';
import type { FieldFlag } from './field-flag.ts';
import { FIELD_FLAGS } from './object-flags.ts';
import { placingProblems, type SourceText } from './place-problems.ts';
import { nameOf, readText, readYaml } from './read-yaml.ts';

export interface GivenFields {
  readonly fields: JsonObject;
  /** Makes the call. What the API finds wrong in a field of the file is named with its line. */
  readonly placing: <T>(call: () => Promise<T>) => Promise<T>;
}

/** Gives `command` the flags of a kind of objects, and --file; the reader answers the fields that were given. */
export function useFields(command: Command, kind: ObjectKind): () => Promise<GivenFields> {
  const readers = FIELD_FLAGS[kind].map((field) => ({ field, read: readerOf(command, field) }));
  const file = useFlag(command, {
    flag: '-f, --file <path>',
    about: 'fields as YAML or JSON, - for standard input; flags take precedence',
    type: anyText(),
  });
  return async () => {
    const path = file();
    const source = path === undefined ? undefined : { path, text: await readText(path) };
    const fields = source ? await readObject(source) : {};
    const flags = new Set<string>();
    for (const { field, read } of readers) {
      const value = read();
      if (value === undefined) continue;
      flags.add(formatPath(field.path));
      put(fields, field.path, value);
    }
    const isOfFile = (at: string) =>
      ![...flags].some((flag) => at === flag || at.startsWith(`${flag}.`) || at.startsWith(`${flag}[`));
    return { fields, placing: (call) => (source ? placingProblems(source, call, isOfFile) : call()) };
  };
}

/** Adds --reset to `command`. Returns a function that reads the fields to be reset, as null. */
export function useReset(command: Command, kind: ObjectKind): () => JsonObject {
  const names = new Map(FIELD_FLAGS[kind].map(({ flag, path }) => [flagName(flag), path]));
  const reset = useListFlag(command, {
    flag: '--reset <flag,…>',
    about: `reset these to their defaults: ${[...names.keys()].join(', ')}`,
    type: anyText(),
    separator: ',',
  });
  return () => {
    const fields: JsonObject = {};
    for (const name of reset() ?? []) {
      const path = names.get(name.replace(/^--/, ''));
      if (!path) throw new CommandError(`--reset: "${name}" is none of ${[...names.keys()].join(', ')}`);
      put(fields, path, null);
    }
    return fields;
  };
}

function flagName(flag: string): string {
  return /^--([\w-]+)/.exec(flag)?.[1] ?? flag;
}

function readerOf(command: Command, { list, ...field }: FieldFlag): () => unknown {
  if (list === undefined) return useFlag(command, field);
  const read = useListFlag(command, { ...field, separator: list.separator });
  // Pairs of names and values become an object.
  if (field.path[0] !== 'setHeaders') return read;
  return () => {
    const entries = read();
    return entries && Object.fromEntries(entries as [string, string][]);
  };
}

/** Objects are merged: `--rate 10/s --burst 5` is one rate. */
function put(fields: JsonObject, path: readonly string[], value: unknown): void {
  const [first = '', ...rest] = path;
  const inner = fields[first];
  if (rest.length > 0) {
    const owner = isObject(inner) ? inner : {};
    fields[first] = owner;
    put(owner, rest, value);
  } else {
    fields[first] = isObject(inner) && isObject(value) ? { ...inner, ...value } : value;
  }
}

/**
 * The fields of both, also inside nested objects: `--queue-wait 4s --reset queue-depth` is one queue. `over` takes precedence.
 */
export function joined(under: JsonObject, over: JsonObject): JsonObject {
  const result = { ...under };
  for (const [name, value] of Object.entries(over)) {
    const inner = result[name];
    result[name] = isObject(inner) && isObject(value) ? joined(inner, value) : value;
  }
  return result;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function readObject(source: SourceText): Promise<JsonObject> {
  const value = await readYaml(source);
  if (isObject(value)) return value;
  throw new CommandError(`${nameOf(source.path)}: expected the fields of one object`);
}

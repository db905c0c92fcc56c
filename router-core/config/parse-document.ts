import { z } from 'zod';
import { objectsOf, type ConfigState } from './config-state.ts';
import { repeatsIn, type ConfigDocument } from './document.ts';
import { LIST_OF, OBJECT_KINDS, OBJECT_SCHEMAS, type ObjectKind } from './object-kinds.ts';
import type { Steps } from './steps.ts';
import { formatPath, validationProblems, type ValidationProblem } from './validation-problems.ts';

const anything = z.array(z.unknown()).default([]);
const listsSchema = z.strictObject({
  groups: anything,
  routes: anything,
  apps: anything,
  agents: anything,
  admins: anything,
});

export interface ParsedDocument {
  /** Where the document says the same as the state, it holds the stored object itself. Incomplete when there are problems. */
  readonly document: ConfigDocument;
  readonly problems: readonly ValidationProblem[];
}

/**
 * Does what configDocumentSchema does, but lets other work run meanwhile, and checks only the objects that the state does not
 * have already: most documents are exports of it in which little was changed.
 */
export function* parseDocument(value: unknown, state: ConfigState): Steps<ParsedDocument> {
  const lists = listsSchema.safeParse(value);
  const problems = lists.success ? [] : validationProblems(lists.error);
  const document: Record<string, unknown[]> = {};
  for (const kind of OBJECT_KINDS) {
    const list = (document[LIST_OF[kind]] = [] as unknown[]);
    const stored = objectsOf(state, kind);
    for (const [i, fields] of (lists.data?.[LIST_OF[kind]] ?? []).entries()) {
      yield;
      const known = stored.get(nameOf(fields));
      if (known && saysTheSame(fields, known)) list.push(known);
      else list.push(parseObject(kind, fields, [LIST_OF[kind], i], problems));
    }
  }
  const parsed = document as ConfigDocument;
  if (problems.length === 0) {
    for (const { path, message } of repeatsIn(parsed)) problems.push({ path: formatPath(path), message });
  }
  return { document: parsed, problems };
}

function nameOf(fields: unknown): string {
  const { name } = (fields ?? {}) as { name?: unknown };
  return typeof name === 'string' ? name : '';
}

const STORE_FIELDS = new Set(['revision', 'createdAt', 'updatedAt', 'tokens']);

/** True when the fields are those of a stored object, all of them, without the fields that the store has added. */
function saysTheSame(fields: unknown, stored: object): boolean {
  const names = Object.keys(stored).filter((name) => !STORE_FIELDS.has(name));
  return isRecord(fields) && haveSameFields(fields, stored as Record<string, unknown>, names);
}

/** Compares JSON values, in a quarter of the time that node:util or a schema takes. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => isSame(item, b[i]));
  }
  return isRecord(a) && isRecord(b) && haveSameFields(a, b, Object.keys(b));
}

function haveSameFields(a: Record<string, unknown>, b: Record<string, unknown>, names: string[]): boolean {
  return (
    Object.keys(a).length === names.length &&
    names.every((name) => Object.hasOwn(a, name) && isSame(a[name], b[name]))
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseObject(
  kind: ObjectKind,
  fields: unknown,
  path: readonly (string | number)[],
  problems: ValidationProblem[],
): unknown {
  const result = OBJECT_SCHEMAS[kind].safeParse(fields);
  if (!result.success) problems.push(...validationProblems(result.error, path));
  return result.data;
}

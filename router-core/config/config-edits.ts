import { checkReferences } from '../config/check-references.ts';
import type { ConfigDocument } from '../config/document.ts';
import { LIST_OF, OBJECT_SCHEMAS, type ObjectKind } from '../config/object-kinds.ts';
import type { Route } from '../config/route.ts';
import type { StoredObject } from '../config/stored.ts';
import type { StoredToken } from '../config/token.ts';
import { formatPath, validationProblems, type ValidationProblem } from '../config/validation-problems.ts';
import type { Steps } from '../config/steps.ts';
import { ConfigRefusal } from './config-refusal.ts';
import { listsOf, objectsOf, withoutStoreFields, type ConfigState } from './config-state.ts';

/** The new value of one object; other objects stay as they are. */
export interface ObjectEdit {
  readonly kind: ObjectKind;
  readonly name: string;
  /** The fields as a client has written them, checked here. The stored object itself: no change. Undefined: remove it. */
  readonly fields: unknown;
  /** The new tokens of the object. When omitted, the stored tokens stay. */
  readonly tokens?: readonly StoredToken[];
}

/** A stored object of any kind. */
export type AnyStored = StoredObject<ObjectKind>;

export interface EditContext {
  /** Becomes the revision of every object that changes. */
  readonly version: number;
  readonly nowIso: string;
  /** The check of a route beyond its schema. */
  readonly checkRoute: (route: Route) => readonly { path: (string | number)[]; message: string }[];
}

/**
 * Returns the state after the edits. Unchanged objects keep their identity, and so does the state when nothing has changed.
 * Throws ConfigRefusal when the edits are not valid.
 */
export function* applyEdits(
  state: ConfigState,
  edits: readonly ObjectEdit[],
  context: EditContext,
): Steps<ConfigState> {
  const changed = new Map<ObjectKind, Map<string, AnyStored>>();
  const toChange = (kind: ObjectKind) => {
    const objects = changed.get(kind) ?? new Map<string, AnyStored>(objectsOf(state, kind));
    changed.set(kind, objects);
    return objects;
  };
  for (const edit of edits) {
    yield;
    const { kind, name } = edit;
    const before = (changed.get(kind) ?? objectsOf(state, kind)).get(name);
    const after = edit.fields === undefined ? undefined : editedObject(edit, before, context);
    if (after === before) continue;
    if (after === undefined) toChange(kind).delete(name);
    else toChange(kind).set(name, after);
  }
  if (changed.size === 0) return state;
  const lists = [...changed].map(([kind, objects]) => [LIST_OF[kind], objects]);
  const result = { ...state, ...Object.fromEntries(lists), version: context.version } as ConfigState;
  yield* refuseBrokenReferences(state, result, edits);
  return result;
}

function editedObject(edit: ObjectEdit, before: AnyStored | undefined, context: EditContext): AnyStored {
  const { kind } = edit;
  // It was checked when it was written.
  if (before && edit.fields === before && !edit.tokens) return before;
  const fields = parseFields(edit, context);
  const old: (AnyStored & { tokens?: StoredToken[] }) | undefined = before;
  const tokens = edit.tokens ?? old?.tokens ?? (isIdentity(kind) ? [] : undefined);
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  if (old && same(withoutStoreFields({ ...old }), fields) && same(old.tokens, tokens)) return old;
  const { version: revision, nowIso: updatedAt } = context;
  const store = { revision, createdAt: old?.createdAt ?? updatedAt, updatedAt, ...(tokens && { tokens }) };
  return { ...fields, ...store } as AnyStored;
}

/** The fields in the order of the schema, with defaults. */
function parseFields({ kind, name, fields }: ObjectEdit, { checkRoute }: EditContext): object {
  const result = OBJECT_SCHEMAS[kind].safeParse(fields);
  if (!result.success) throw invalid(kind, validationProblems(result.error));
  if (result.data.name !== name) {
    throw invalid(kind, [{ path: 'name', message: `must be "${name}": an object cannot be renamed` }]);
  }
  if (kind === 'route') {
    const problems = checkRoute(result.data as Route);
    if (problems.length > 0) {
      throw invalid(
        kind,
        problems.map(({ path, message }) => ({ path: formatPath(path), message })),
      );
    }
  }
  return result.data;
}

function invalid(kind: ObjectKind, problems: ValidationProblem[]): ConfigRefusal {
  return new ConfigRefusal('invalid', `This is not a valid ${kind}`, problems);
}

export function isIdentity(kind: ObjectKind): kind is 'app' | 'agent' | 'admin' {
  return kind === 'app' || kind === 'agent' || kind === 'admin';
}

/** A reference that was broken before does not stop a change of something else. */
function* refuseBrokenReferences(
  before: ConfigState,
  after: ConfigState,
  edits: readonly ObjectEdit[],
): Steps<void> {
  const document = listsOf(after);
  const found = yield* checkReferences(document);
  if (found.length === 0) return;
  const known = new Set((yield* checkReferences(listsOf(before))).map(({ message }) => message));
  const problems = found.filter(({ message }) => !known.has(message));
  if (problems.length === 0) return;
  const [only] = edits.length === 1 ? edits : [];
  const removed = only?.kind === 'group' && only.fields === undefined ? only.name : undefined;
  throw new ConfigRefusal(
    'conflict',
    removed === undefined
      ? 'The rest of the configuration does not allow that'
      : `The group "${removed}" is in use: give its users another group, or remove them first`,
    problems.map(({ path, message }) => ({
      path: readablePath(path, document, edits),
      // A missing group can only be the group that the edit removes.
      message: removed === undefined ? message : 'uses this group',
    })),
  );
}

/**
 * A path that begins at the written object, if there is one; else it begins with a name: nobody has seen the order of the
 * list.
 */
function readablePath(
  path: readonly (string | number)[],
  document: ConfigDocument,
  edits: readonly ObjectEdit[],
): string {
  const [list, index, ...rest] = path as [keyof ConfigDocument, number, ...(string | number)[]];
  const name = document[list][index]?.name ?? '';
  const [only] = edits.length === 1 ? edits : [];
  const isOwn = only !== undefined && LIST_OF[only.kind] === list && only.name === name;
  return formatPath(isOwn ? rest : [list, name, ...rest]);
}

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

/** One object as it is to be; what is not mentioned stays. */
export interface ObjectEdit {
  readonly kind: ObjectKind;
  readonly name: string;
  /** What people write, checked here; the stored object itself stays as it is, undefined removes it. */
  readonly fields: unknown;
  /** Of what has tokens; left out, those that it has. */
  readonly tokens?: readonly StoredToken[];
}

/** An object as any kind has it. */
export type AnyStored = StoredObject<ObjectKind>;

export interface EditContext {
  /** Becomes the revision of what changes. */
  readonly version: number;
  readonly nowIso: string;
  /** What a route's schema cannot tell. */
  readonly checkRoute: (route: Route) => readonly { path: (string | number)[]; message: string }[];
}

/**
 * The state after the edits: the same objects where nothing has changed, and the same state when nothing has at all.
 * Throws ConfigRefusal when it could not be.
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

/** Its fields in the order of the schema, with defaults. */
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

/** What was broken before is no reason to refuse a change of something else. */
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
      : `The group "${removed}" is in use: give what uses it another group, or remove that first`,
    problems.map(({ path, message }) => ({
      path: readablePath(path, document, edits),
      // Nothing else can be wrong where a group is missing.
      message: removed === undefined ? message : 'uses this group',
    })),
  );
}

/** From the object that was written, if it is one; else by name: nobody has seen the order of the list. */
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

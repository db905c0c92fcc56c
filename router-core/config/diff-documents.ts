import type { Steps } from './steps.ts';
import { withoutStoreFields } from './config-state.ts';
import type { ConfigDocument } from './document.ts';
import { LIST_OF, OBJECT_KINDS } from './object-kinds.ts';
import type { ObjectKind } from './object-kinds.ts';
import { formatPath } from './validation-problems.ts';

/** A field without a value (an omitted `rewrite`, say) is null, as it would be in JSON. */
export type FieldChange = [path: string, before: unknown, after: unknown];

export interface ObjectChange {
  readonly kind: ObjectKind;
  readonly name: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** The fields of a changed object, by path. */
  readonly fields?: FieldChange[];
}

type Path = readonly (string | number)[];

/**
 * The differences between two documents, for dry runs and audit entries: by kind, then by name, whatever the order of the
 * lists. A renamed object counts as one removed and one added. Fields that the store adds do not count.
 */
export function* diffDocuments(before: ConfigDocument, after: ConfigDocument): Steps<ObjectChange[]> {
  const changes: ObjectChange[] = [];
  for (const kind of OBJECT_KINDS) {
    const old = byName(before[LIST_OF[kind]]);
    const now = byName(after[LIST_OF[kind]]);
    const ofKind: ObjectChange[] = [];
    for (const [name, one] of old) {
      yield;
      const other = now.get(name);
      if (one === other) continue;
      if (other === undefined) ofKind.push({ kind, name, change: 'removed' });
      else {
        const fields = diffObjects(one, other);
        if (fields.length > 0) ofKind.push({ kind, name, change: 'changed', fields });
      }
    }
    for (const name of now.keys()) {
      yield;
      if (!old.has(name)) ofKind.push({ kind, name, change: 'added' });
    }
    changes.push(...ofKind.sort((a, b) => (a.name < b.name ? -1 : 1)));
  }
  return changes;
}

type Named = { readonly name: string };

function byName(objects: readonly Named[]): Map<string, Named> {
  return new Map(objects.map((each) => [each.name, each]));
}

function diffObjects(before: Named, after: Named): FieldChange[] {
  const fields = diffValues([], withoutStoreFields({ ...before }), withoutStoreFields({ ...after }));
  return fields.sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * Compares objects field by field. Lists of equal length are compared item by item, others as a whole: an item that was
 * inserted at the front would look like a change of every item behind it.
 */
function diffValues(path: Path, before: unknown, after: unknown): FieldChange[] {
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return before.flatMap((item: unknown, i) => diffValues([...path, i], item, after[i]));
  }
  if (isRecord(before) && isRecord(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => diffValues([...path, key], valueOf(before, key), valueOf(after, key)));
  }
  // Lists that get here differ in length, so identity is enough.
  const [old, now] = [before ?? null, after ?? null];
  return old === now ? [] : [[formatPath(path), old, now]];
}

/** Header names are keys, too, and `toString` is a valid one. */
function valueOf(record: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

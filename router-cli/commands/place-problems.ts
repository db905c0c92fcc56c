import { z } from 'zod';
import { LIST_OF, OBJECT_KINDS, OBJECT_SCHEMAS } from '../../router-core/config/object-kinds.ts';
import { ApiFailure, type FieldProblem } from '../api/failure.ts';
import { nearest } from '../terminal/nearest.ts';
import { nameOf } from './read-yaml.ts';

/** A file that a command has read, and its text. */
export interface SourceText {
  readonly path: string;
  readonly text: string;
}

/**
 * Makes the call; what the API finds wrong in the file is named with its line, and with the field that was meant. `isOfFile`:
 * false for a path whose value came from elsewhere.
 */
export async function placingProblems<T>(
  source: SourceText,
  call: () => Promise<T>,
  isOfFile: (path: string) => boolean = () => true,
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof ApiFailure) || error.problems.length === 0) throw error;
    const lineOf = await linesOf(source.text);
    const placed = error.problems.map(({ path, message }): FieldProblem => {
      const line = isOfFile(path) ? lineOf(path) : undefined;
      const at = line === undefined ? path : `${nameOf(source.path)}:${line}: ${path}`;
      return { path: at, message: `${message}${message === 'unknown field' ? wayOut(path) : ''}` };
    });
    throw error.withProblems(placed);
  }
}

/**
 * Returns a function from a path such as `groups[0].concurrency` to the line of that value; of its owner when it is missing.
 */
async function linesOf(text: string): Promise<(path: string) => number | undefined> {
  const { LineCounter, parseDocument, isNode, isMap, isScalar } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  return (path) => {
    const steps = [...path.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g)].map(
      ([, index, quoted, name]) =>
        index !== undefined
          ? Number(index)
          : quoted !== undefined
            ? (JSON.parse(quoted) as string)
            : (name ?? ''),
    );
    for (let length = steps.length; length > 0; length--) {
      const owner: unknown =
        length === 1 ? document.contents : document.getIn(steps.slice(0, length - 1), true);
      const key = steps[length - 1];
      // The line of a field is that of its name, even when its value begins further down.
      const pair = isMap(owner)
        ? owner.items.find((each) => isScalar(each.key) && each.key.value === key)
        : undefined;
      const node: unknown = pair ? pair.key : document.getIn(steps.slice(0, length), true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return undefined;
  };
}

function wayOut(path: string): string {
  const [, owner = '', field = ''] = /^(.*?)\.?([^.[\]]+)$/.exec(path) ?? [];
  const known = owner === '' ? new Set<string>(Object.values(LIST_OF)) : fieldNames();
  const meant = nearest(field, known);
  const guess = meant === undefined || meant === field ? '' : `; did you mean "${meant}"?`;
  return `${guess}${guess === '' ? ';' : ''} \`router-cli config init -\` shows all fields`;
}

/** The names of all fields of all objects. */
function fieldNames(): Set<string> {
  const names = new Set<string>();
  const collect = (schema: unknown): void => {
    if (typeof schema !== 'object' || schema === null) return;
    for (const [key, inner] of Object.entries(schema)) {
      if (key === 'properties') for (const name of Object.keys(inner as object)) names.add(name);
      collect(inner);
    }
  };
  for (const kind of OBJECT_KINDS) collect(z.toJSONSchema(OBJECT_SCHEMAS[kind], { io: 'input' }));
  return names;
}

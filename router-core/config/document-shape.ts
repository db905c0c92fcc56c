/** Far deeper than any configuration, and far from the depth at which recursion overflows the stack. */
export const DEEPEST = 64;

/** JavaScript treats this name specially: a copy of a record loses it, or gets another prototype. */
const UNUSABLE_NAME = '__proto__';

export interface ShapeProblem {
  readonly path: (string | number)[];
  readonly problem: 'too-deep' | 'loop' | 'unusable-name';
}

/** The first problem in the shape of parsed data, whatever it is meant to be; undefined when there is none. */
export function shapeProblem(value: unknown): ShapeProblem | undefined {
  return look(value, [], []);
}

function look(value: unknown, above: object[], path: (string | number)[]): ShapeProblem | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (above.includes(value)) return { path, problem: 'loop' };
  if (above.length >= DEEPEST) return { path, problem: 'too-deep' };
  above.push(value);
  for (const name of Object.keys(value)) {
    const at = Array.isArray(value) ? Number(name) : name;
    if (name === UNUSABLE_NAME) return { path: [...path, at], problem: 'unusable-name' };
    const inner = (value as Record<string, unknown>)[name];
    if (typeof inner !== 'object') continue;
    path.push(at);
    const found = look(inner, above, path);
    if (found) return found;
    path.pop();
  }
  above.pop();
  return undefined;
}

/** Texts without any value. */
export const SHAPE_PROBLEMS: Readonly<Record<ShapeProblem['problem'], string>> = {
  'too-deep': `nested deeper than ${DEEPEST} levels`,
  loop: 'an alias (*name) refers to a value that contains it',
  'unusable-name': `${UNUSABLE_NAME} cannot be the name of a field`,
};

/** The nesting depth of a JSON text, DEEPEST + 1 at most. Found before anything recurses into it. */
export function jsonDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length && deepest <= DEEPEST; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfString(text, at);
    else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, (depth += 1));
    else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  return deepest;
}

/** The end of the string that begins at `start`; the end of the text when it is not terminated. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at += 1) {
    at = text.indexOf('"', at);
    if (at < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes += 1;
    if (backslashes % 2 === 0) return at;
  }
}

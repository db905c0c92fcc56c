import type { z } from 'zod';

/** One problem in a text that a person or a program has written, with its place. */
export interface ValidationProblem {
  /** In a readable form: `routes[3].match.path`; empty for the whole. */
  readonly path: string;
  /** Never repeats a value: it may be a secret. */
  readonly message: string;
}

type Path = readonly PropertyKey[];

/** `['routes', 3, 'setHeaders', 'X-A']` → `routes[3].setHeaders.X-A`. */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    const name = String(part);
    if (!/^[\w$-]+$/.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === '' ? name : `${text}.${name}`;
  }, '');
}

/**
 * Every problem that zod found, in its order; an unknown field is one problem at its own path. `within`: the path
 * of the parsed value.
 */
export function validationProblems(error: z.ZodError, within: Path = []): ValidationProblem[] {
  return error.issues.flatMap((issue) => problemsOf(issue, [...within, ...issue.path]));
}

function problemsOf(issue: z.core.$ZodIssue, at: Path): ValidationProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: formatPath([...at, key]), message: 'unknown field' }));
  }
  const path = formatPath(at);
  // "Invalid key in record" does not say what is wrong with the key; the inner issue does.
  if (issue.code === 'invalid_key') return issue.issues.map(({ message }) => ({ path, message }));
  // zod has no other sign for a missing value.
  const isMissing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return [{ path, message: isMissing ? 'this field is required' : issue.message }];
}

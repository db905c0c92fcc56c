import type { z } from 'zod';

/** What is wrong with one place of something that a person or a program has written. */
export interface ValidationProblem {
  /** As people write it: `routes[3].match.path`; empty for the whole. */
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
 * Every problem that zod found, in its order; an unknown field is one problem at its own path. `within`: where in the whole
 * the value is that zod has looked at.
 */
export function validationProblems(error: z.ZodError, within: Path = []): ValidationProblem[] {
  return error.issues.flatMap((issue) => problemsOf(issue, [...within, ...issue.path]));
}

function problemsOf(issue: z.core.$ZodIssue, at: Path): ValidationProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: formatPath([...at, key]), message: 'unknown field' }));
  }
  const path = formatPath(at);
  // "Invalid key in record" does not say what a key must be like; the issue within does.
  if (issue.code === 'invalid_key') return issue.issues.map(({ message }) => ({ path, message }));
  // zod does not say otherwise that there was nothing.
  const isMissing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return [{ path, message: isMissing ? 'this field is required' : issue.message }];
}

import type { Route } from '../config/route.ts';
import type { PathPattern } from './path-pattern.ts';
import type { Captures } from './regular-expression.ts';

/** Returns the path that the upstream gets. Routes whose path is an expression need `captures`. */
export type PathRewrite = (path: string, captures: Captures | undefined) => string;

export type ParsedRewrite =
  /** Undefined: the path stays as it is. */
  | { readonly ok: true; readonly rewrite: PathRewrite | undefined }
  | { readonly ok: false; readonly message: string };

/** Each reference may insert a whole path of 8 KiB. */
const MOST_REFERENCES = 9;

/**
 * `$1` to `$9` are the captures of the pattern: for `/a/*` the part that `*` matches, without its leading slash; for an
 * expression its groups. `$$` is a dollar sign, and so is a `$` before anything but a digit.
 * Captures are inserted byte for byte. They come from a path, so they contain no blank, `?` or `#`, and the new path begins
 * with the slash of the template. It may begin with two: `/$1` for `/a/*` turns `/a//b` into `//b`.
 */
export function parseRewrite({ rewrite, stripPrefix }: Route, pattern: PathPattern): ParsedRewrite {
  if (rewrite !== undefined) return parseTemplate(rewrite, pattern);
  if (!stripPrefix || pattern.kind !== 'prefix') return { ok: true, rewrite: undefined };
  const { prefix } = pattern;
  return { ok: true, rewrite: (path) => (path.length === prefix.length ? '/' : path.slice(prefix.length)) };
}

function parseTemplate(template: string, pattern: PathPattern): ParsedRewrite {
  const parts = template.split(/(\$[$0-9])/).map((part) => {
    if (part === '$$') return '$';
    return /^\$[0-9]$/.test(part) ? Number(part.slice(1)) : part;
  });
  const references = parts.filter((part) => typeof part === 'number');
  const available = captureCount(pattern);
  const missing = references.find((n) => n < 1 || n > available);
  if (missing !== undefined) return { ok: false, message: `$${missing}: ${whatIsCaptured(available)}` };
  if (references.length > MOST_REFERENCES) {
    return { ok: false, message: `at most ${MOST_REFERENCES} of $1 to $9 may be used` };
  }
  return {
    ok: true,
    rewrite: (path, captures) => {
      const captured = capturesOf(pattern, path, captures);
      return parts.map((part) => (typeof part === 'number' ? captured(part) : part)).join('');
    },
  };
}

function captureCount(pattern: PathPattern): number {
  if (pattern.kind === 'exact') return 0;
  return pattern.kind === 'prefix' ? 1 : pattern.expression.groupCount;
}

function whatIsCaptured(count: number): string {
  if (count === 0) return 'the path of this route captures nothing';
  return count === 1
    ? 'the path of this route captures only $1'
    : `the path of this route captures $1 to $${count}`;
}

function capturesOf(pattern: PathPattern, path: string, captures: Captures | undefined): Captures {
  if (pattern.kind === 'prefix') return () => path.slice(pattern.prefix.length + 1);
  return captures ?? (() => '');
}

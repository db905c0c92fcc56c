import { isPrefixPath } from '../config/route.ts';
import { compileExpression, type RegularExpression } from './regular-expression.ts';

/** The condition of a route on the path, byte for byte: nothing is decoded, merged or resolved. */
export type PathPattern =
  | { readonly kind: 'exact'; readonly path: string }
  /** `prefix` and everything below it. The final slash and asterisk are not part of it: `/*` is an empty prefix. */
  | { readonly kind: 'prefix'; readonly prefix: string }
  | { readonly kind: 'expression'; readonly expression: RegularExpression };

export type ParsedPath =
  { readonly ok: true; readonly pattern: PathPattern } | { readonly ok: false; readonly message: string };

/** Expects a valid route path. */
export function parsePathPattern(text: string): ParsedPath {
  if (text.startsWith('~')) {
    const compiled = compileExpression(text.slice(text.startsWith('~ ') ? 2 : 1));
    if (!compiled.ok) return compiled;
    return { ok: true, pattern: { kind: 'expression', expression: compiled.expression } };
  }
  if (isPrefixPath(text)) return { ok: true, pattern: { kind: 'prefix', prefix: text.slice(0, -2) } };
  return { ok: true, pattern: { kind: 'exact', path: text } };
}

/** Expects a path that begins with a slash, without a query. */
export function pathMatches(pattern: PathPattern, path: string): boolean {
  if (pattern.kind === 'exact') return path === pattern.path;
  if (pattern.kind === 'prefix') return isBelow(path, pattern.prefix);
  return pattern.expression.search(path) !== undefined;
}

function isBelow(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/');
}

import type { Route } from '../config/route.ts';
import { compileExpression, type RegularExpression } from './regular-expression.ts';

/** The condition of a route on one header. Without `value` and `expression` the header only has to be present. */
export interface HeaderCondition {
  /** In lower case. */
  readonly name: string;
  readonly value: string | undefined;
  readonly expression: RegularExpression | undefined;
}

export type ParsedCondition =
  | { readonly ok: true; readonly condition: HeaderCondition }
  | { readonly ok: false; readonly message: string };

export function parseHeaderCondition(header: Route['match']['headers'][number]): ParsedCondition {
  const name = header.name.toLowerCase();
  const { value, pattern } = header;
  if (pattern === undefined) return { ok: true, condition: { name, value, expression: undefined } };
  const compiled = compileExpression(pattern);
  if (!compiled.ok) return compiled;
  return { ok: true, condition: { name, value, expression: compiled.expression } };
}

/** `value` is undefined when the request does not have the header. */
export function headerMatches(
  { value: wanted, expression }: HeaderCondition,
  value: string | undefined,
): boolean {
  if (value === undefined) return false;
  return (
    (wanted === undefined || value === wanted) &&
    (expression === undefined || expression.search(value) !== undefined)
  );
}

import type { Route } from '../config/route.ts';
import { compileExpression, type RegularExpression } from './regular-expression.ts';

/** What a route asks of one header. Without `value` and `expression` it only has to be there. */
export interface HeaderCondition {
  /** Lower case. */
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

/** Undefined is a header that the request does not have. */
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

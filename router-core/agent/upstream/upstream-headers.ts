import { fieldLines, withoutFields, type FieldLines } from '../../http/field-lines.ts';

export interface UpstreamHeaderRules {
  /** Fields set on every request, whatever the client sent: secrets that only the agent's side may know. */
  readonly setHeaders: readonly (readonly [name: string, value: string])[];
  /** Pass the client's Host on instead of the upstream's own. */
  readonly preserveHost: boolean;
}

/** Prepares the rules once; the result maps a request's fields to the upstream's. */
export function compileHeaderRules({
  setHeaders,
  preserveHost,
}: UpstreamHeaderRules): (fields: FieldLines) => FieldLines {
  // Without Host, the upstream gets its own.
  const replaced = [...setHeaders.map(([name]) => name), ...(preserveHost ? [] : ['Host'])];
  const remove = withoutFields(replaced);
  const added = fieldLines(setHeaders.flat());
  return (fields) => remove(fields) + added;
}

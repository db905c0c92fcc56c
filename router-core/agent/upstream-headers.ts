import { FieldNames } from '../http/field-names.ts';

export interface UpstreamHeaderRules {
  /** Set on every request, whatever the client sent: what only the provider's side may know. */
  readonly setHeaders: readonly (readonly [name: string, value: string])[];
  /** Pass the client's Host on instead of the upstream's own. */
  readonly preserveHost: boolean;
}

/** Prepares the rules once; the result maps a request's fields (names and values in turn) to the upstream's. */
export function compileHeaderRules({
  setHeaders,
  preserveHost,
}: UpstreamHeaderRules): (raw: readonly string[]) => string[] {
  // Without Host, the HTTP client sends the upstream's own.
  const replaced = new FieldNames([...setHeaders.map(([name]) => name), ...(preserveHost ? [] : ['Host'])]);
  const added = setHeaders.flatMap(([name, value]) => [name, value]);
  return (raw) => {
    const headers: string[] = [];
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = raw[i] ?? '';
      if (!replaced.has(name)) headers.push(name, raw[i + 1] ?? '');
    }
    if (added.length > 0) headers.push(...added);
    return headers;
  };
}

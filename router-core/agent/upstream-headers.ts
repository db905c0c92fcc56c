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
  const replaced = new Set(setHeaders.map(([name]) => name.toLowerCase()));
  // Without Host, the HTTP client sends the upstream's own.
  if (!preserveHost) replaced.add('host');
  const added = setHeaders.flatMap(([name, value]) => [name, value]);
  return (raw) => {
    const headers: string[] = [];
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = raw[i] ?? '';
      if (!replaced.has(name.toLowerCase())) headers.push(name, raw[i + 1] ?? '');
    }
    if (added.length > 0) headers.push(...added);
    return headers;
  };
}

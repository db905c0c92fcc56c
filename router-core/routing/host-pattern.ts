/** The condition of a route on the host. */
export type HostPattern =
  | { readonly kind: 'exact'; readonly host: string }
  /** Every name below `host`, but not `host` itself. */
  | { readonly kind: 'below'; readonly host: string }
  | { readonly kind: 'any' };

/** Expects a valid route host: lower case, without a port. */
export function parseHostPattern(text: string | undefined): HostPattern {
  if (text === undefined) return { kind: 'any' };
  return text.startsWith('*.') ? { kind: 'below', host: text.slice(2) } : { kind: 'exact', host: text };
}

/** Expects a host as `hostOf` returns it. */
export function hostMatches(pattern: HostPattern, host: string): boolean {
  if (pattern.kind === 'exact') return host === pattern.host;
  if (pattern.kind === 'any') return true;
  return host.length > pattern.host.length + 1 && host.endsWith(`.${pattern.host}`);
}

import { FieldNames } from './field-names.ts';

/**
 * Fields that concern one connection only and are never forwarded, RFC 9110 §7.6.1. Expect is answered by the hub.
 * Trailer stays: trailers are forwarded. TE is rebuilt, see forward-request.ts.
 */
export const HOP_BY_HOP_NAMES = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'te',
  'upgrade',
  'http2-settings',
  'expect',
  'proxy-authenticate',
  'proxy-authorization',
] as const;

const HOP_BY_HOP = new FieldNames(HOP_BY_HOP_NAMES);

/** Lower-case names that `Connection` nominates as hop-by-hop; undefined when there are none (the usual case). */
export function nominatedFields(raw: readonly string[]): Set<string> | undefined {
  let nominated: Set<string> | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.length !== 10 || raw[i]?.toLowerCase() !== 'connection') continue;
    for (const option of (raw[i + 1] ?? '').split(',')) {
      const name = option.trim().toLowerCase();
      if (name === '' || name === 'close' || name === 'keep-alive') continue;
      (nominated ??= new Set()).add(name);
    }
  }
  return nominated;
}

/** True for a field that must not be forwarded. */
export function isHopByHop(name: string, nominated: Set<string> | undefined): boolean {
  return HOP_BY_HOP.has(name) || (nominated?.has(name.toLowerCase()) ?? false);
}

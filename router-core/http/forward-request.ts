import { takeAppToken } from './app-token.ts';
import type { ToldClient } from './client-address.ts';
import { fieldLines, type FieldLines } from './field-lines.ts';
import { joined, pathFields, type TakenPath } from './forward-path.ts';
import { isHopByHop, nominatedFields } from './hop-by-hop.ts';

/** The fields that a route removes and adds (names and values in turn). */
export interface HeaderRules {
  /** Names in lower case. */
  readonly dropped: ReadonlySet<string>;
  readonly added: readonly string[];
}

export interface ForwardContext {
  readonly requestId: string;
  /** Address of the machine that has connected to the hub. */
  readonly peer: string;
  /** The peer is a trusted proxy: its fields about the client count. */
  readonly isTrusted: boolean;
  readonly proto: 'http' | 'https';
  readonly httpVersion: string;
  /** The authority of the request: that of an absolute target, else Host. */
  readonly authority: string;
  /** The field Forwarded is written, too. */
  readonly writesForwarded: boolean;
  /** Scheme and host as the field Forwarded of a trusted proxy tells them. */
  readonly told?: Pick<ToldClient, 'proto' | 'host'> | undefined;
  readonly rules: HeaderRules | undefined;
  /** The remaining Max-Forwards, RFC 9110 §7.6.2. */
  readonly maxForwards?: number | undefined;
}

/** Fields that the router sets, and fields that are for the router only: those of clients are dropped. */
const OWN = new Set([
  'router-token',
  'router-scope',
  'router-request-id',
  'router-agent',
  'router-executed',
  'router-error',
  // The rules of the route add the prefix that was taken off. A client's own would lead redirects astray.
  'x-forwarded-prefix',
]);

/** Fields with which proxies tell of the client. Anybody can send them: they count only from trusted proxies. */
function isOfProxies(name: string): boolean {
  return name === 'forwarded' || name.startsWith('x-forwarded-');
}

/**
 * The fields an upstream gets: all of the client's in their order, duplicates kept, without hop-by-hop and
 * Connection-nominated ones (dropped first, so that a client cannot use nomination to remove what we add), and with
 * X-Forwarded-*, Via and Router-Request-Id. Fields of a trusted proxy about the client are kept or extended, others dropped.
 */
export function forwardRequestFields(raw: readonly string[], context: ForwardContext): FieldLines {
  const nominated = nominatedFields(raw);
  const path: TakenPath = { forwardedFor: '', forwarded: '', via: '', proto: undefined, host: undefined };
  let fields = '';
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    let value = raw[i + 1] ?? '';
    const key = name.toLowerCase();
    if (isHopByHop(key, nominated)) {
      if (key === 'te' && /\btrailers\b/i.test(value)) fields += 'TE: trailers\r\n';
      continue;
    }
    if (OWN.has(key) || context.rules?.dropped.has(key)) continue;
    if (!context.isTrusted && isOfProxies(key)) continue;
    if (key === 'authorization') {
      // The router's own token is removed; any other is for the upstream.
      const { rest } = takeAppToken(value);
      if (rest === '' && value !== '') continue;
      value = rest;
    } else if (key === 'x-forwarded-for') {
      path.forwardedFor = joined(path.forwardedFor, value);
      continue;
    } else if (key === 'via') {
      path.via = joined(path.via, value);
      continue;
    } else if (key === 'forwarded') {
      path.forwarded = joined(path.forwarded, value);
      continue;
    } else if (key === 'host') value = context.authority;
    else if (key === 'max-forwards' && context.maxForwards !== undefined) value = String(context.maxForwards);
    // Node has checked that it consists of digits. Leading zeros are not passed on.
    else if (key === 'content-length') value = String(Number(value));
    else if (key === 'x-forwarded-proto') path.proto = value;
    else if (key === 'x-forwarded-host') path.host = value;
    fields += `${name}: ${value}\r\n`;
  }
  fields += pathFields(path, context);
  return context.rules ? fields + fieldLines(context.rules.added) : fields;
}

/**
 * The values of a request's fields by lower-case name, as the upstream will get them, for conditions of routes. Hop-by-hop
 * fields are missing: otherwise `Connection: X-A` would choose a route by a field that its upstream never sees. So are fields
 * about the client that no trusted proxy has sent. Fields with
 * the same name are one list (RFC 9110 §5.3), Cookie with its own separator (RFC 6265 §5.4).
 */
export function forwardedValues(
  raw: readonly string[],
  { authority, isTrusted }: Pick<ForwardContext, 'authority' | 'isTrusted'>,
): ReadonlyMap<string, string> {
  const nominated = nominatedFields(raw);
  const values = new Map<string, string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const key = (raw[i] ?? '').toLowerCase();
    if (isHopByHop(key, nominated) || (!isTrusted && isOfProxies(key))) continue;
    const value = key === 'host' ? authority : (raw[i + 1] ?? '');
    const before = values.get(key);
    values.set(key, before === undefined ? value : `${before}${key === 'cookie' ? '; ' : ', '}${value}`);
  }
  return values;
}

/** True when a field that a client has sent reaches the upstream unchanged. `name` in lower case. */
export function fieldGoesOn(name: string, raw: readonly string[], rules: HeaderRules | undefined): boolean {
  return !OWN.has(name) && !rules?.dropped.has(name) && !isHopByHop(name, nominatedFields(raw));
}

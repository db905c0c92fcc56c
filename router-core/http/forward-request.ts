import { takeAppToken } from './app-token.ts';
import { fieldLines, type FieldLines } from './field-lines.ts';
import { isHopByHop, nominatedFields } from './hop-by-hop.ts';

/** The fields that a route removes and adds (names and values in turn). */
export interface HeaderRules {
  /** Names in lower case. */
  readonly dropped: ReadonlySet<string>;
  readonly added: readonly string[];
}

export interface ForwardContext {
  readonly requestId: string;
  readonly clientAddress: string;
  readonly proto: 'http' | 'https';
  readonly httpVersion: string;
  /** The authority of the request: that of an absolute target, else Host. */
  readonly authority: string;
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

/**
 * The fields an upstream gets: all of the client's in their order, duplicates kept, without hop-by-hop and
 * Connection-nominated ones (dropped first, so that a client cannot use nomination to remove what we add), and with
 * X-Forwarded-*, Via and Router-Request-Id. X-Forwarded-Proto and -Host of a load balancer in front are kept.
 */
export function forwardRequestFields(raw: readonly string[], context: ForwardContext): FieldLines {
  const nominated = nominatedFields(raw);
  let fields = '';
  let forwardedFor = '';
  let via = '';
  let proto = false;
  let host = false;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    let value = raw[i + 1] ?? '';
    const key = name.toLowerCase();
    if (isHopByHop(key, nominated)) {
      if (key === 'te' && /\btrailers\b/i.test(value)) fields += 'TE: trailers\r\n';
      continue;
    }
    if (OWN.has(key) || context.rules?.dropped.has(key)) continue;
    if (key === 'authorization') {
      // The router's own token is removed; any other is for the upstream.
      const { rest } = takeAppToken(value);
      if (rest === '' && value !== '') continue;
      value = rest;
    }
    if (key === 'x-forwarded-for') {
      forwardedFor = forwardedFor === '' ? value : `${forwardedFor}, ${value}`;
      continue;
    }
    if (key === 'via') {
      via = via === '' ? value : `${via}, ${value}`;
      continue;
    }
    if (key === 'host') value = context.authority;
    else if (key === 'max-forwards' && context.maxForwards !== undefined) value = String(context.maxForwards);
    // Node has checked that it consists of digits. Leading zeros are not passed on.
    else if (key === 'content-length') value = String(Number(value));
    else if (key === 'x-forwarded-proto') proto = true;
    else if (key === 'x-forwarded-host') host = true;
    fields += `${name}: ${value}\r\n`;
  }
  const { clientAddress, requestId, httpVersion } = context;
  fields += `X-Forwarded-For: ${forwardedFor === '' ? '' : `${forwardedFor}, `}${clientAddress}\r\n`;
  if (!proto) fields += `X-Forwarded-Proto: ${context.proto}\r\n`;
  if (!host) fields += `X-Forwarded-Host: ${context.authority}\r\n`;
  fields += `Via: ${via === '' ? '' : `${via}, `}${httpVersion} mini-router\r\nRouter-Request-Id: ${requestId}\r\n`;
  return context.rules ? fields + fieldLines(context.rules.added) : fields;
}

/**
 * The values of a request's fields by lower-case name, as the upstream will get them, for conditions of routes. Hop-by-hop
 * fields are missing: otherwise `Connection: X-A` would choose a route by a field that its upstream never sees. Fields with
 * the same name are one list (RFC 9110 §5.3), Cookie with its own separator (RFC 6265 §5.4).
 */
export function forwardedValues(raw: readonly string[], authority: string): ReadonlyMap<string, string> {
  const nominated = nominatedFields(raw);
  const values = new Map<string, string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const key = (raw[i] ?? '').toLowerCase();
    if (isHopByHop(key, nominated)) continue;
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

import { fieldLines, type FieldLines } from './field-lines.ts';
import { FieldNames } from './field-names.ts';
import { isHopByHop } from './hop-by-hop.ts';

/**
 * Fields that have a meaning only before the body, RFC 9110 §6.5.1: if a receiver joined such trailers to the head, they could
 * frame, route, authenticate or cache a message that was judged without them. Authentication-Info and digests may come late.
 */
const HEAD_ONLY = new FieldNames([
  // Framing and form of the body.
  ...['content-length', 'trailer', 'content-encoding', 'content-type', 'content-range'],
  // Routing.
  ...['host', 'location', 'content-location', 'refresh', 'max-forwards', 'via', 'forwarded', 'range'],
  ...['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-prefix', 'x-real-ip'],
  // Authentication and state.
  ...['authorization', 'www-authenticate', 'cookie', 'set-cookie', 'set-cookie2'],
  // Control of caches and of the sender.
  ...['age', 'cache-control', 'date', 'expires', 'pragma', 'retry-after', 'vary', 'warning'],
]);
/** Fields that the router sets, and conditions of a request. */
const HEAD_ONLY_PREFIX = /^(?:router-|if-)/i;

const NAME = /^[!#$%&'*+\-.^_`|~\w]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

const NONE: readonly string[] = [];

/**
 * The trailers that may be forwarded, names and values in turn: without hop-by-hop fields, fields that Connection of their
 * head nominates (`nominated`, lower case), and head-only ones. Returns an Error when a trailer is not valid: forwarding it
 * would break a connection, or smuggle in a line.
 */
export function forwardTrailers(
  raw: readonly string[],
  nominated: Set<string> | undefined,
): readonly string[] | Error {
  if (raw.length === 0) return NONE;
  if (raw.length % 2 !== 0) return new Error('a trailer has no value');
  const kept: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    if (!NAME.test(name)) return new Error('the name of a trailer is not valid');
    if (!VALUE.test(value)) return new Error(`the trailer ${name.slice(0, 100)} has a control character`);
    if (isHopByHop(name, nominated) || HEAD_ONLY.has(name) || HEAD_ONLY_PREFIX.test(name)) continue;
    kept.push(name, value);
  }
  return kept;
}

/** Trailers of a request as a frame carries them (name\nvalue…), as lines. Throws when they are not valid. */
export function trailerLines(trailers: string): FieldLines {
  if (trailers === '') return '';
  const kept = forwardTrailers(trailers.split('\n'), undefined);
  if (kept instanceof Error) throw kept;
  return fieldLines(kept);
}

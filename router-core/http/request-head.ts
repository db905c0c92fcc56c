import { areFields, withoutFields, type FieldLines } from './field-lines.ts';
import type { BodyFraming } from './request-writer.ts';

/** A request as it goes to an upstream: of its body, how it ends. */
export interface RequestMessage {
  readonly head: {
    readonly method: string;
    readonly target: string;
    /** Protocol the client asks to switch to; empty = none. */
    readonly upgrade: string;
    readonly fields: FieldLines;
  };
  /** The body, or its beginning when `bodyFollows`. */
  readonly body: Buffer | undefined;
  readonly trailers: string;
  readonly bodyFollows: boolean;
}

const WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);
const METHOD = /^[!#$%&'*+\-.^_`|~\w]+$/;
/** Characters that would end a target, or be cut to a byte that ends it. */
const NOT_IN_TARGET = /[^\x21-\x7e\x80-\xff]/;
const HOST = /^host: /im;
const TRAILER = /^trailer: /im;
const LENGTH = /^content-length: (\d{1,15})\r$/im;
const withoutLength = withoutFields(['Content-Length']);

/** The framing of the body towards the upstream: with a length wherever it is known, in chunks where trailers may follow. */
export function bodyFraming({ head, body, trailers, bodyFollows }: RequestMessage): BodyFraming {
  if (head.upgrade !== '') return 'switched';
  if (trailers !== '') return 'chunked';
  if (!bodyFollows) return body?.length ?? 0;
  const length = TRAILER.test(head.fields) ? undefined : LENGTH.exec(head.fields)?.[1];
  return length === undefined ? 'chunked' : Number(length);
}

/**
 * The request line and the fields up to the empty line, with a framing of our own. Throws when the text would consist of other
 * lines than these.
 */
export function requestHead(
  { host, basePath }: { readonly host: string; readonly basePath: string },
  { head: { method, target, upgrade }, bodyFollows }: RequestMessage,
  fields: FieldLines,
  framing: BodyFraming,
): string {
  if (!METHOD.test(method)) throw new Error('the method cannot be sent');
  if (NOT_IN_TARGET.test(target)) throw new Error('the request target cannot be sent');
  if (!areFields(fields)) throw new Error('a field of the request cannot be sent');
  const kept = withoutLength(fields);
  const hadLength = kept.length < fields.length;
  let text = `${method} ${basePath + target} HTTP/1.1\r\n`;
  if (!HOST.test(fields)) text += `Host: ${host}\r\n`;
  text += kept;
  if (framing === 'switched') {
    const switching = `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
    if (!areFields(switching)) throw new Error('the protocol cannot be asked for');
    return `${text}${switching}\r\n`;
  }
  if (framing === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
  else if (framing > 0 || hadLength || bodyFollows || WITH_BODY.has(method))
    text += `Content-Length: ${framing}\r\n`;
  return `${text}Connection: keep-alive\r\n\r\n`;
}

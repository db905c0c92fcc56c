import { fieldValue } from './forward-reply.ts';
import { InvalidReplyError, type Fields } from './reply-fields.ts';

/** The end of a reply's body: after so many bytes, with its last chunk, or with the connection. */
export type Framing = number | 'chunked' | 'rest';

const LENGTH = /^\d{1,15}$/;

/**
 * RFC 9112 §6.3, strict: a reply that two readers could frame differently is invalid. Several equal lengths become one in
 * `fields`, as a plain number.
 */
export function framingOf(status: number, fields: Fields, isHttp11: boolean, isHead: boolean): Framing {
  const codings = valuesOf(fields, 'transfer-encoding');
  const length = contentLength(fields);
  if (codings.length > 0 && length !== undefined)
    throw new InvalidReplyError('both Transfer-Encoding and Content-Length');
  // No other coding was asked for (TE), and the hub cannot undo any. HTTP/1.0 has none, §6.1.
  if (codings.length > 0 && (!isHttp11 || codings.join(',').toLowerCase() !== 'chunked'))
    throw new InvalidReplyError('a Transfer-Encoding other than chunked');
  if (isHead || status === 204 || status === 304) return 0;
  return codings.length > 0 ? 'chunked' : (length ?? 'rest');
}

function contentLength(fields: Fields): number | undefined {
  const text = fieldValue(fields, 'content-length');
  if (text === undefined) return undefined;
  const values = valuesOf(fields, 'content-length').join(',').split(',');
  let length: number | undefined;
  for (const value of values) {
    const trimmed = values.length === 1 ? value : value.replace(/^[ \t]+|[ \t]+$/g, '');
    if (!LENGTH.test(trimmed)) throw new InvalidReplyError('a Content-Length that is no number');
    length ??= Number(trimmed);
    if (length !== Number(trimmed)) throw new InvalidReplyError('more than one Content-Length');
  }
  if (text !== String(length) || values.length > 1) keepOneLength(fields, String(length));
  return length;
}

function keepOneLength(fields: Fields, length: string): void {
  let isFirst = true;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (!isNamed(fields[i], 'content-length')) continue;
    if (isFirst) fields[i + 1] = length;
    else {
      fields.splice(i, 2);
      i -= 2;
    }
    isFirst = false;
  }
}

function valuesOf(fields: Fields, name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (isNamed(fields[i], name)) values.push(fields[i + 1] ?? '');
  }
  return values;
}

function isNamed(field: string | undefined, name: string): boolean {
  return field?.length === name.length && field.toLowerCase() === name;
}

/** True when the connection may take another request, RFC 9112 §9.3. */
export function isPersistent(fields: Fields, isHttp11: boolean): boolean {
  const options = valuesOf(fields, 'connection').join(',').toLowerCase();
  if (/(?:^|,)\s*close\s*(?:,|$)/.test(options)) return false;
  return isHttp11 || /(?:^|,)\s*keep-alive\s*(?:,|$)/.test(options);
}

/** How long the upstream announces to keep an idle connection, ms. */
export function keepAliveMs(fields: Fields): number | undefined {
  const seconds = /(?:^|[,;\s])timeout=(\d{1,6})(?!\d)/i.exec(fieldValue(fields, 'keep-alive') ?? '')?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}

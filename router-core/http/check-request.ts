import type { ProblemCode } from './problems.ts';

export const MAX_TARGET_BYTES = 8 * 1024;
export const MAX_HEAD_BYTES = 16 * 1024;

export interface RequestLine {
  readonly method: string;
  /** As received: origin-form, absolute-form or `*`. */
  readonly url: string;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
}

export type CheckedRequest =
  | {
      readonly ok: true;
      readonly target: string;
      readonly authority: string;
      readonly contentLength: number | undefined;
    }
  | { readonly ok: false; readonly problem: ProblemCode };

/** host, host:port or [v6]:port, RFC 9110 §7.2: no userinfo, path, comma or blank. */
const AUTHORITY = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+;=%-]+)(?::\d{0,5})?$/;
const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i;

const refuse = (problem: ProblemCode): CheckedRequest => ({ ok: false, problem });

/**
 * Refuses requests that Node's lenient parser accepts and that several servers could read differently (request smuggling). The
 * target is passed on byte for byte.
 */
export function checkRequest({ method, url, httpVersion, rawHeaders }: RequestLine): CheckedRequest {
  // llhttp takes a request line without a version for HTTP/0.9 (nodejs/llhttp#877).
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    return refuse(httpVersion === '0.9' ? 'bad-request' : 'version-not-supported');
  }
  if (url.length > MAX_TARGET_BYTES) return refuse('target-too-long');
  if (headBytes(method, url, rawHeaders) > MAX_HEAD_BYTES) return refuse('head-too-large');
  const fields = checkFraming(rawHeaders, httpVersion);
  if (!fields) return refuse('bad-request');
  const { host } = fields;
  // Host is checked even beside an absolute target, which takes precedence over it: RFC 9112 §3.2.
  if (host === undefined ? httpVersion === '1.1' : !isAuthority(host, httpVersion))
    return refuse('bad-request');

  let target = url;
  let authority = host ?? '';
  if (!url.startsWith('/') && url !== '*') {
    // The target's authority takes precedence over Host, RFC 9112 §3.2.2.
    const absolute = ABSOLUTE.exec(url);
    if (!absolute) return refuse('bad-request');
    authority = absolute[1] ?? '';
    target = absolute[2] === '' ? '/' : (absolute[2] ?? '/');
    if (target.startsWith('?')) target = `/${target}`;
  }
  if (target === '*' && method !== 'OPTIONS') return refuse('bad-request');
  if (target.includes('#') || hasControlOrNonAscii(target)) return refuse('bad-request');
  if (authority !== host && !isAuthority(authority, httpVersion)) return refuse('bad-request');
  return { ok: true, target, authority, contentLength: fields.contentLength };
}

function isAuthority(text: string, httpVersion: string): boolean {
  return text === '' ? httpVersion === '1.0' : AUTHORITY.test(text);
}

/** The size of the head as sent, except for blanks around values. */
function headBytes(method: string, url: string, raw: readonly string[]): number {
  // " HTTP/1.1" and the ends of two lines.
  let bytes = method.length + url.length + 14;
  for (const text of raw) bytes += text.length + 2;
  return bytes;
}

function hasControlOrNonAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f) return true;
  }
  return false;
}

/** Undefined when two servers could disagree on the end of the body or the host of the request. */
function checkFraming(
  raw: readonly string[],
  httpVersion: string,
): { host: string | undefined; contentLength: number | undefined } | undefined {
  let host: string | undefined;
  let contentLength: number | undefined;
  let transferEncoding: string | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') {
      if (host !== undefined) return undefined;
      host = value;
    } else if (name.length === 14 && name.toLowerCase() === 'content-length') {
      if (contentLength !== undefined || !/^\d{1,15}$/.test(value)) return undefined;
      contentLength = Number(value);
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      transferEncoding = value;
    }
  }
  if (transferEncoding !== undefined) {
    if (
      httpVersion === '1.0' ||
      contentLength !== undefined ||
      transferEncoding.trim().toLowerCase() !== 'chunked'
    ) {
      return undefined;
    }
  }
  return { host, contentLength: transferEncoding === undefined ? (contentLength ?? 0) : undefined };
}

import { checkRequest, type CheckedRequest } from './check-request.ts';
import { FieldNames } from './field-names.ts';
import type { ProblemCode } from './problems.ts';

/** The head of a request in HTTP/2, as a request of HTTP/1.1 would say it. */
export interface Http2Head {
  readonly method: string;
  readonly target: string;
  /** Names and values in turn; `host` is the first. Cookies are one field. */
  readonly rawHeaders: readonly string[];
  /** The protocol that an extended CONNECT asks for (RFC 8441). */
  readonly protocol: string | undefined;
  /** Undefined when the head is that of a request. */
  readonly problem: ProblemCode | undefined;
}

interface Pseudo {
  method?: string;
  scheme?: string;
  authority?: string;
  path?: string;
  protocol?: string;
}

const PSEUDO: ReadonlySet<string> = new Set(['method', 'scheme', 'authority', 'path', 'protocol']);

/** Fields of a connection, which HTTP/2 does not have: a proxy that passed them on would let a client frame what it sends. */
const OF_CONNECTION = new FieldNames([
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'],
]);

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const METHOD = /^[!#$%&'*+\-.^_`|~\w]+$/;

/**
 * Reads the header section of a request, RFC 9113 §8.3. Node's parser refuses much of what is refused here; it is refused once
 * more, because the request goes on as HTTP/1.1, where a line too many is a request too many. `raw`: names and values in turn.
 */
export function readHttp2Head(raw: readonly string[]): Http2Head {
  const pseudo: Pseudo = {};
  const fields = readFields(raw, pseudo);
  const { method = '', path = '', protocol } = pseudo;
  // To an upstream of HTTP/1.1 a WebSocket begins with GET.
  const isWebSocket = method === 'CONNECT' && protocol === 'websocket';
  const head = {
    method: isWebSocket ? 'GET' : method,
    target: path,
    protocol: isWebSocket ? protocol : undefined,
  };
  if (!fields) return { ...head, rawHeaders: [], problem: 'bad-request' };
  const problem = problemOf(pseudo, fields.host, isWebSocket);
  const host = pseudo.authority ?? fields.host ?? '';
  return { ...head, rawHeaders: ['host', host, ...fields.others], problem };
}

function problemOf(pseudo: Pseudo, host: string | undefined, isWebSocket: boolean): ProblemCode | undefined {
  const { method = '', scheme, authority, path = '', protocol } = pseudo;
  if (!METHOD.test(method)) return 'bad-request';
  if (method === 'CONNECT' && !isWebSocket) return 'method-not-supported';
  if (protocol !== undefined && !isWebSocket) return 'bad-request';
  if (scheme !== 'http' && scheme !== 'https') return 'bad-request';
  // Nothing else may follow a method on a request line; `http://…` would name another authority than :authority.
  if (!path.startsWith('/') && !(path === '*' && method === 'OPTIONS')) return 'bad-request';
  if (authority === undefined || host === undefined) return undefined;
  // Two servers on the way could go by one of them each, RFC 9113 §8.3.1.
  return authority.toLowerCase() === host.toLowerCase() ? undefined : 'bad-request';
}

interface Fields {
  readonly host: string | undefined;
  /** Names and values in turn. */
  readonly others: string[];
}

/** Undefined when there is a field that HTTP/2 does not allow. The pseudo-fields are put into `pseudo`. */
function readFields(raw: readonly string[], pseudo: Pseudo): Fields | undefined {
  let host: string | undefined;
  let cookieAt = -1;
  const others: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    if (!VALUE.test(value)) return undefined;
    if (name.startsWith(':')) {
      if (!putPseudo(pseudo, name.slice(1), value) || others.length > 0 || host !== undefined)
        return undefined;
      continue;
    }
    if (!NAME.test(name) || OF_CONNECTION.has(name)) return undefined;
    if (name === 'te' && value.trim().toLowerCase() !== 'trailers') return undefined;
    if (name === 'host') {
      if (host !== undefined) return undefined;
      host = value;
    } else if (name === 'cookie' && cookieAt >= 0) {
      // Clients split them for their tables; HTTP/1.1 has one field, RFC 9113 §8.2.3.
      others[cookieAt] += `; ${value}`;
    } else {
      if (name === 'cookie') cookieAt = others.length + 1;
      others.push(name, value);
    }
  }
  return { host, others };
}

function putPseudo(pseudo: Pseudo, name: string, value: string): boolean {
  const key = name as keyof Pseudo;
  if (!PSEUDO.has(name) || pseudo[key] !== undefined) return false;
  pseudo[key] = value;
  return true;
}

/** Checks what HTTP/1.1 demands of the same request. `isWhole`: no body follows. */
export function checkHttp2Head(head: Http2Head, isWhole: boolean): CheckedRequest {
  const { method, target, rawHeaders, problem } = head;
  if (problem !== undefined) return { ok: false, problem };
  const checked = checkRequest({ method, url: target, httpVersion: '1.1', rawHeaders });
  const hasLength = rawHeaders.some((text, i) => i % 2 === 0 && text === 'content-length');
  // In HTTP/2 a request without a length may have a body.
  return !checked.ok || isWhole || hasLength ? checked : { ...checked, contentLength: undefined };
}

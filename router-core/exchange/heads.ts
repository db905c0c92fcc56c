import { areFields } from '../http/field-lines.ts';

/** The head of a request as the agent needs it. `target` is the request target in origin form, byte for byte. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** Protocol the client asks to switch to, such as `websocket`; empty = none. */
  readonly upgrade: string;
  /** As HTTP/1.1 writes them: `Name: value` and CR LF each. */
  readonly fields: string;
}

export interface ReplyHead {
  readonly status: number;
  readonly reason: string;
  /** ms from the call of the upstream to its head. */
  readonly upstreamMs: number;
  /** As HTTP/1.1 writes them: `Name: value` and CR LF each. */
  readonly fields: string;
}

// Three lines, then the fields; latin1. No line can hold a line feed (RFC 9110 §5.5), and every other byte survives.

export function encodeRequestHead({ method, target, upgrade, fields }: RequestHead): string {
  return `${method}\n${target}\n${upgrade}\n${fields}`;
}

/** Method, target and protocol of a request, each on its line. */
const REQUEST_START = /^([!#$%&'*+\-.^_`|~\w]+)\n([\x21-\x7e]+)\n([\t\x20-\x7e\x80-\xff]*)\n/;

/** Undefined for a head that could not be sent to an upstream unchanged. */
export function decodeRequestHead(text: string): RequestHead | undefined {
  const found = REQUEST_START.exec(text);
  if (!found) return undefined;
  const [start, method = '', target = '', upgrade = ''] = found;
  const fields = text.slice(start.length);
  return areFields(fields) ? { method, target, upgrade, fields } : undefined;
}

export function encodeReplyHead({ status, reason, upstreamMs, fields }: ReplyHead): string {
  return `${status}\n${reason}\n${upstreamMs}\n${fields}`;
}

/** A reply has at most so many interim heads: an agent drops further ones of its upstream, and a hub refuses them. */
export const MOST_INTERIM_HEADS = 16;

/** True for the head of an interim reply: 1xx, but not 101, with which HTTP ends. It is alone in its frame. */
export function isInterimHead(text: string): boolean {
  return text.startsWith('1') && !text.startsWith('101');
}

/** Undefined without a valid status and time. The sender of the reply checks reason and fields. */
export function decodeReplyHead(text: string): ReplyHead | undefined {
  const first = text.indexOf('\n');
  const second = text.indexOf('\n', first + 1);
  const third = text.indexOf('\n', second + 1);
  if (first !== 3 || second < 0 || third < 0) return undefined;
  const status = Number(text.slice(0, first));
  const upstreamMs = Number(text.slice(second + 1, third) || NaN);
  if (!Number.isInteger(status) || status < 100 || !(upstreamMs >= 0 && upstreamMs < Infinity))
    return undefined;
  return { status, reason: text.slice(first + 1, second), upstreamMs, fields: text.slice(third + 1) };
}

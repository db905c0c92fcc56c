import { decodeReplyHead, type ReplyHead as DecodedHead } from '../exchange/heads.ts';
import { areFields, withoutFields, type FieldLines } from '../http/field-lines.ts';
import { OWN_NAMES } from '../http/forward-reply.ts';
import { HOP_BY_HOP_NAMES } from '../http/hop-by-hop.ts';
import { HEAD_BYTES } from '../http/reply-fields.ts';

/** A head that may be sent. */
export interface ReplyHead {
  readonly status: number;
  readonly reason: string;
  /** ms from the call of the upstream to its head, as the agent says. */
  readonly upstreamMs: number;
  readonly fields: FieldLines;
  /** Bytes of body that must follow; undefined when nothing has announced them. */
  readonly bodyBytes: number | undefined;
}

export interface ReplyTo {
  readonly method: string | undefined;
  /** Says if a 101 with these fields is what the client has asked for. */
  readonly maySwitch: (fields: FieldLines) => boolean;
}

/** A space and a CR LF for each of many short fields come on top of what an upstream may send. */
const MOST_HEAD_BYTES = 2 * HEAD_BYTES;

const REASON = /^[\t\x20-\x7e\x80-\xff]*$/;
const OF_BODY = /^(?:content-length|trailer): /im;
const DIGITS = /^\d+$/;
const UPGRADE = /^upgrade: *[^\s\r]/im;

const LENGTH = /^content-length: ([^\r]*)\r/gim;

/** An agent drops all of these, and adds two to a 101. One expression, because a look at each name costs 2 µs a reply. */
const NOT_FOR_AGENTS = new RegExp(`^(?:${[...HOP_BY_HOP_NAMES, ...OWN_NAMES].join('|')}): `, 'im');
const withoutSwitch = withoutFields(['Connection', 'Upgrade']);

const withoutLength = withoutFields(['Content-Length']);
const withoutConnection = withoutFields(['Connection', 'Content-Length']);

/**
 * Reads the head of a reply as an agent says it. Returns the reason when the hub must not send it: it would end within
 * a line, frame the reply otherwise than its body, or concern the client's connection. The hub trusts an agent no more than an
 * upstream.
 */
export function checkReplyHead(text: string, { method, maySwitch }: ReplyTo): ReplyHead | string {
  const decoded = readHead(text);
  if (typeof decoded === 'string') return decoded;
  const { status, reason, upstreamMs, fields } = decoded;
  const isSwitch = status === 101;
  if (!isSwitch && !(status >= 200 && status < 1_000)) return 'the status is not that of a final reply';
  if (NOT_FOR_AGENTS.test(isSwitch ? withoutSwitch(fields) : fields)) return ONE_CONNECTION;
  const length = announcedLength(fields);
  if (!length) return 'the Content-Length is not valid';
  const head = { status, reason, upstreamMs, fields, bodyBytes: length.bytes };
  if (isSwitch) {
    if (!maySwitch(fields)) return 'a switch of protocols that nobody has asked for';
    if (!UPGRADE.test(fields)) return 'a switch of protocols without an Upgrade field';
    return { ...head, fields: `${withoutConnection(fields)}Connection: Upgrade\r\n`, bodyBytes: undefined };
  }
  // A 204 never has one, RFC 9110 §8.6.
  if (status === 204) head.fields = withoutLength(fields);
  else if (length.isOdd) head.fields = `${withoutLength(fields)}Content-Length: ${length.bytes}\r\n`;
  const hasBody = method !== 'HEAD' && status !== 204 && status !== 304;
  if (!hasBody) head.bodyBytes = 0;
  return head;
}

/** Reads the head of an interim reply, which has no body (RFC 9110 §15.2). The hub itself answers Expect with 100. */
export function checkInterimHead(text: string): DecodedHead | string {
  const head = readHead(text);
  if (typeof head === 'string') return head;
  const { status, fields } = head;
  if (!(status > 101 && status < 200)) return 'the status is not that of an interim reply';
  if (NOT_FOR_AGENTS.test(fields)) return ONE_CONNECTION;
  return OF_BODY.test(fields) ? 'an interim reply that speaks of a body' : head;
}

const ONE_CONNECTION = 'a field concerns one connection, or is for the router alone to send';

function readHead(text: string): DecodedHead | string {
  if (text.length > MOST_HEAD_BYTES) return 'the head is too large';
  const head = decodeReplyHead(text);
  if (!head) return 'the head cannot be read';
  if (!REASON.test(head.reason)) return 'the reason phrase cannot be sent';
  return areFields(head.fields) ? head : 'a field cannot be sent';
}

interface AnnouncedLength {
  readonly bytes: number | undefined;
  /** The length comes several times, or in a form that two servers could read differently. */
  readonly isOdd: boolean;
}

/** Reads Content-Length (RFC 9112 §6.3). Undefined when its values are not one length. */
function announcedLength(fields: FieldLines): AnnouncedLength | undefined {
  let bytes: number | undefined;
  let isOdd = false;
  LENGTH.lastIndex = 0;
  for (let found = LENGTH.exec(fields); found; found = LENGTH.exec(fields)) {
    const value = found[1] ?? '';
    const said = lengthOf(value);
    if (said === undefined || (bytes !== undefined && said !== bytes)) return undefined;
    isOdd ||= bytes !== undefined || value !== String(said);
    bytes = said;
  }
  return { bytes, isOdd };
}

/** A list of one and the same length counts, RFC 9110 §8.6. */
function lengthOf(value: string): number | undefined {
  let digits = value;
  if (value.includes(',')) {
    const parts = new Set(value.split(',').map((part) => part.trim()));
    if (parts.size > 1) return undefined;
    [digits = ''] = parts;
  }
  if (!DIGITS.test(digits)) return undefined;
  const bytes = Number(digits);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

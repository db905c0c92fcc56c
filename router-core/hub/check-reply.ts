import { decodeReplyHead } from '../exchange/heads.ts';
import { areFields, withoutFields, type FieldLines } from '../http/field-lines.ts';
import { FieldNames } from '../http/field-names.ts';
import { mayReplySay } from '../http/forward-reply.ts';
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
  /** The client has asked to switch protocols. */
  readonly maySwitch: boolean;
}

/** A space and a CR LF for each of many short fields come on top of what an upstream may send. */
const MOST_HEAD_BYTES = 2 * HEAD_BYTES;

const REASON = /^[\t\x20-\x7e\x80-\xff]*$/;
const DIGITS = /^\d+$/;
const UPGRADE = /^upgrade: *[^\s\r]/im;

/** What an agent adds to a 101. */
const OF_A_SWITCH = new FieldNames(['Connection', 'Upgrade']);

const withoutLength = withoutFields(['Content-Length']);
const withoutConnection = withoutFields(['Connection', 'Content-Length']);

/**
 * Reads the head of a reply as an agent says it. Returns why it cannot be sent when it would end within a line, frame the
 * reply otherwise than its body, or speak of the client's connection: an agent is believed no more than an upstream is.
 */
export function checkReplyHead(text: string, { method, maySwitch }: ReplyTo): ReplyHead | string {
  if (text.length > MOST_HEAD_BYTES) return 'the head is too large';
  const { status, reason, upstreamMs, fields } = decodeReplyHead(text);
  const isSwitch = status === 101;
  if (!isSwitch && !(Number.isInteger(status) && status >= 200 && status < 1_000)) {
    return 'the status is not that of a final reply';
  }
  if (!REASON.test(reason)) return 'the reason phrase cannot be sent';
  if (!(upstreamMs >= 0 && upstreamMs < Infinity)) return 'the time at the upstream is not a time';
  if (!areFields(fields)) return 'a field cannot be sent';
  const length = announcedLength(fields, isSwitch);
  if (typeof length === 'string') return length;
  const head = { status, reason, upstreamMs, fields, bodyBytes: length.bytes };
  if (isSwitch) {
    if (!maySwitch) return 'a switch of protocols that nobody has asked for';
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

interface AnnouncedLength {
  readonly bytes: number | undefined;
  /** Said several times, or as no two servers should read it. */
  readonly isOdd: boolean;
}

/** What Content-Length says (RFC 9112 §6.3), or why these fields may not be sent. */
function announcedLength(fields: FieldLines, isSwitch: boolean): AnnouncedLength | string {
  let bytes: number | undefined;
  let isOdd = false;
  for (let at = 0; at < fields.length;) {
    const colon = fields.indexOf(':', at);
    const end = fields.indexOf('\r\n', colon);
    const name = fields.slice(at, colon);
    const isAllowed = mayReplySay(name) || (isSwitch && OF_A_SWITCH.has(name));
    if (!isAllowed) return `the field ${name.slice(0, 100)} is not for an agent to send`;
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      const value = fields.slice(colon + 1, end).trim();
      const said = lengthOf(value);
      if (said === undefined || (bytes !== undefined && said !== bytes))
        return 'the Content-Length is not valid';
      isOdd ||= bytes !== undefined || value !== String(said);
      bytes = said;
    }
    at = end + 2;
  }
  return { bytes, isOdd };
}

/** A list of one and the same length counts, RFC 9110 §8.6. */
function lengthOf(value: string): number | undefined {
  const [first = '', ...others] = value.split(',').map((part) => part.trim());
  if (!DIGITS.test(first) || others.some((other) => other !== first)) return undefined;
  const bytes = Number(first);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

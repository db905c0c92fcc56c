/** Names and values in turn, as they came: order, spelling and duplicates kept. */
export type Fields = string[];

/** The longest head, chunk line or trailer section. */
export const HEAD_BYTES = 64 * 1024;

/** The reply of an upstream is not HTTP/1 as RFC 9112 defines it. */
export class InvalidReplyError extends Error {
  override readonly name = 'InvalidReplyError';
  readonly code = 'INVALID_REPLY';
  constructor(what: string) {
    super(`the reply is not valid HTTP: ${what}`);
  }
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** No line may contain these: a bare CR or LF, or a NUL. */
const FORBIDDEN = /[\r\n\0]/;

/** Expects the lines without the empty one that ends them. Throws InvalidReplyError. */
export function parseFields(text: string): Fields {
  const fields: Fields = [];
  if (text === '') return fields;
  for (const line of text.split('\r\n')) {
    if (FORBIDDEN.test(line)) throw new InvalidReplyError('a CR, LF or NUL within a line');
    if (line.startsWith(' ') || line.startsWith('\t')) {
      // A folded line (RFC 9112 §5.2) continues the value before it.
      if (fields.length === 0) throw new InvalidReplyError('a folded line without a field');
      fields.push(trim(`${fields.pop() ?? ''} ${trim(line)}`));
      continue;
    }
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    if (!NAME.test(name)) throw new InvalidReplyError('a field without a name');
    fields.push(name, trim(line.slice(colon + 1)));
  }
  return fields;
}

/** Removes spaces and tabs around a value; other whitespace of latin1 belongs to the value. */
function trim(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(value.charCodeAt(start))) start += 1;
  while (start < end && isBlank(value.charCodeAt(end - 1))) end -= 1;
  return value.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

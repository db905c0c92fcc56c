/**
 * Header fields as text, as HTTP/1.1 writes them: `Name: value` and CR LF each, latin1; order, spelling and duplicates kept. What
 * makes such text of names and values has made sure that none of them holds a CR or LF, as Node's parser and ours do.
 */
export type FieldLines = string;

/** `raw`: names and values in turn. */
export function fieldLines(raw: readonly string[]): FieldLines {
  let lines = '';
  for (let i = 0; i + 1 < raw.length; i += 2) lines += `${raw[i]}: ${raw[i + 1]}\r\n`;
  return lines;
}

/** Names and values in turn; of a line that is no field the name is empty. */
export function rawFields(lines: FieldLines): string[] {
  const raw: string[] = [];
  for (const line of lines.split('\r\n')) {
    if (line === '') continue;
    const colon = line.indexOf(': ');
    raw.push(line.slice(0, Math.max(0, colon)), line.slice(colon + 2));
  }
  return raw;
}

/** Takes all fields of these names out, in whatever case they come. */
export function withoutFields(names: readonly string[]): (lines: FieldLines) => FieldLines {
  if (names.length === 0) return (lines) => lines;
  const escaped = names.map((name) => name.replace(/[.*+^$|]/g, '\\$&'));
  const those = new RegExp(`^(?:${escaped.join('|')}): [^\\r]*\\r\\n`, 'gim');
  return (lines) => lines.replace(those, '');
}

const FIELDS = /^(?:[!#$%&'*+\-.^_`|~\w]+: [\t\x20-\x7e\x80-\xff]*\r\n)*$/;

/** Whether this is nothing but fields that may be sent as they are, RFC 9110 §5.5. */
export function areFields(lines: FieldLines): boolean {
  return FIELDS.test(lines);
}

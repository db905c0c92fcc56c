/**
 * Header fields as text, as HTTP/1.1 writes them: `Name: value` and CR LF each, latin1; order, spelling and duplicates kept.
 * Its makers guarantee that no name and no value contains a CR or LF; Node's parser and ours do.
 */
export type FieldLines = string;

/** `raw`: names and values in turn. */
export function fieldLines(raw: readonly string[]): FieldLines {
  let lines = '';
  for (let i = 0; i + 1 < raw.length; i += 2) lines += `${raw[i]}: ${raw[i + 1]}\r\n`;
  return lines;
}

/** Names and values in turn; a line that is not a field gets an empty name. */
export function rawFields(lines: FieldLines): string[] {
  const raw: string[] = [];
  for (const line of lines.split('\r\n')) {
    if (line === '') continue;
    const colon = line.indexOf(': ');
    raw.push(line.slice(0, Math.max(0, colon)), line.slice(colon + 2));
  }
  return raw;
}

/** Removes all fields with these names, whatever their case. */
export function withoutFields(names: readonly string[]): (lines: FieldLines) => FieldLines {
  if (names.length === 0) return (lines) => lines;
  const escaped = names.map((name) => name.replace(/[.*+^$|]/g, '\\$&'));
  const those = new RegExp(`^(?:${escaped.join('|')}): [^\\r]*\\r\\n`, 'gim');
  return (lines) => lines.replace(those, '');
}

const FIELDS = /^(?:[!#$%&'*+\-.^_`|~\w]+: [\t\x20-\x7e\x80-\xff]*\r\n)*$/;

/** True when the text consists of valid fields only, RFC 9110 §5.5. */
export function areFields(lines: FieldLines): boolean {
  return FIELDS.test(lines);
}

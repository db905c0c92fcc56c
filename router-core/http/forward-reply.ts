import type { FieldLines } from './field-lines.ts';
import { FieldNames } from './field-names.ts';
import { isHopByHop, nominatedFields } from './hop-by-hop.ts';

/** Fields that only the router sets: those of an upstream are dropped. */
export const OWN_NAMES = ['router-request-id', 'router-agent', 'router-executed', 'router-error'] as const;

const OWN = new FieldNames(OWN_NAMES);

/** An upstream's fields (names and values in turn) without the hop-by-hop, Connection-nominated and router's own ones. */
export function forwardReplyFields(raw: readonly string[]): FieldLines {
  const nominated = nominatedFields(raw);
  let fields = '';
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if (!isHopByHop(name, nominated) && !OWN.has(name)) fields += `${name}: ${raw[i + 1]}\r\n`;
  }
  return fields;
}

/** The value of a field (lower-case name), or undefined. */
export function fieldValue(raw: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.length === name.length && raw[i]?.toLowerCase() === name) return raw[i + 1];
  }
  return undefined;
}

import type { JsonObject } from '../api/client.ts';
import { labelled, type TableSpace } from '../terminal/table.ts';
import { durationInWords, sizeInWords, timeInWords } from '../terminal/words.ts';
import { isObject } from './use-fields.ts';

/** All fields of an object, a line for each. */
export function describeObject(object: JsonObject, space: TableSpace): string[] {
  return labelled(fieldsOf('', object), space);
}

function fieldsOf(path: string, value: unknown): [label: string, value: string][] {
  if (Array.isArray(value) && value.some(isObject)) {
    return value.flatMap((item, i) => fieldsOf(`${path}[${i}]`, item));
  }
  if (isObject(value) && Object.keys(value).length > 0) {
    return Object.entries(value).flatMap(([name, inner]) =>
      fieldsOf(path === '' ? name : `${path}.${name}`, inner),
    );
  }
  return [[path, valueInWords(path, value)]];
}

/** Formats a value by the unit in the name of its field. */
export function valueInWords(path: string, value: unknown): string {
  if (value === null || value === undefined) return path.endsWith('At') ? 'never' : 'none';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(String).join(', ');
  if (path.endsWith('Ms')) return durationInWords(value);
  if (path.endsWith('Bytes')) return sizeInWords(value);
  if (path.endsWith('At') && typeof value === 'string') return `${timeInWords(value)} (${value})`;
  if (value === '' || (isObject(value) && Object.keys(value).length === 0)) return 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

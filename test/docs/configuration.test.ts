import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { API_PROBLEMS } from '../../router-api/problems.ts';
import {
  LIST_OF,
  OBJECT_KINDS,
  OBJECT_SCHEMAS,
  type ObjectKind,
} from '../../router-core/config/object-kinds.ts';
import { readFile, section, tableRows } from './markdown.ts';

const text = readFile('docs/configuration.md');

interface Schema {
  readonly type?: string;
  readonly properties?: Record<string, Schema>;
  readonly required?: string[];
  readonly items?: Schema;
  readonly anyOf?: Schema[];
  readonly enum?: string[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
}

/** Field, what it may be, and its default: of every field that is no object of fields itself. */
function fieldsOf(kind: ObjectKind): string[][] {
  const { $defs = {} } = z.toJSONSchema(OBJECT_SCHEMAS[kind], { io: 'input', unrepresentable: 'any' });
  return Object.values($defs).flatMap((schema) => rowsOf(schema as Schema, ''));
}

function rowsOf({ properties = {}, required = [] }: Schema, prefix: string): string[][] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const { type, items } = field;
    const path = `${prefix}${name}`;
    const inner = field.anyOf?.find((each) => each.properties) ?? field;
    if (inner !== field) return [rowOf(path, field, required.includes(name)), ...rowsOf(inner, `${path}.`)];
    if (type === 'object' && field.properties) return rowsOf(field, `${path}.`);
    const row = rowOf(path, field, required.includes(name));
    return items?.properties ? [row, ...rowsOf(items, `${path}[].`)] : [row];
  });
}

function rowOf(path: string, field: Schema, isRequired: boolean): string[] {
  const fallback = field.default === undefined ? 'none' : JSON.stringify(field.default);
  return [path, kindOf(field), isRequired ? 'required' : fallback];
}

function kindOf({ type, anyOf, items, minimum, maximum, maxItems, maxLength, enum: values }: Schema): string {
  if (values) return values.join(', ');
  if (anyOf) return anyOf.map((each) => (each.properties ? 'object' : kindOf(each))).join(' or ');
  if (type === 'array') return `list of ${items?.type ?? 'values'}s, up to ${maxItems}`;
  if (type === 'integer') {
    return maximum === Number.MAX_SAFE_INTEGER ? `${minimum} or more` : `${minimum} to ${maximum}`;
  }
  if (type === 'string' && maxLength !== undefined) return `up to ${maxLength} characters`;
  return type ?? 'value';
}

describe.each(OBJECT_KINDS)('docs/configuration.md has of a %s', (kind) => {
  const rows = tableRows(section(text, `### ${LIST_OF[kind]}`));

  test('every field with what it may be and its default, and no others', () => {
    expect(rows.map((row) => row.slice(0, 3))).toEqual(fieldsOf(kind));
  });

  test('what each is for', () => {
    expect(rows.filter(([, , , what = '']) => what === '')).toEqual([]);
  });
});

test('docs/configuration.md lists every error of router-api with its status', () => {
  const rows = tableRows(section(text, '## Errors'));
  const expected = Object.entries(API_PROBLEMS).map(([code, { status }]) => [code, String(status)]);
  expect(rows.map((row) => row.slice(0, 2))).toEqual(expected);
  expect(rows.filter((row) => row.length !== 4 || row.includes(''))).toEqual([]);
});

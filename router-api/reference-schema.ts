import { html } from 'hono/html';

export type Html = ReturnType<typeof html> | string;

/** The part of JSON Schema that this API uses. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly example?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

export type Schemas = Readonly<Record<string, Schema>>;

/** Text in which words in backticks are code. */
export function prose(text: string): Html[] {
  return text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));
}

export function nameOfRef(ref: string): string {
  return ref.slice(ref.lastIndexOf('/') + 1);
}

/** The type in a few words; a schema with a name of its own is a link to its fields. */
export function typeOf(schema: Schema): Html {
  if (schema.$ref !== undefined) {
    const name = nameOfRef(schema.$ref);
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.anyOf) return html`${schema.anyOf.flatMap((each, at) => [at === 0 ? '' : ' | ', typeOf(each)])}`;
  if (schema.items) return html`${typeOf(schema.items)}[]`;
  if (typeof schema.additionalProperties === 'object') {
    return html`{[name]: ${typeOf(schema.additionalProperties)}}`;
  }
  return [schema.type ?? 'any'].flat().join(' | ');
}

/** The limits of a value, and its default. */
function limitsOf(schema: Schema): string[] {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems } = schema;
  return [
    ...rangeOf('', minimum, maximum),
    ...rangeOf(' characters', minLength, maxLength),
    ...rangeOf(' items', minItems, maxItems),
    ...(schema.default === undefined ? [] : [`default ${JSON.stringify(schema.default)}`]),
  ];
}

function rangeOf(unit: string, from: number | undefined, to: number | undefined): string[] {
  const text = (value: number) => value.toLocaleString('en');
  if (from !== undefined && to !== undefined) return [`${text(from)} to ${text(to)}${unit}`];
  if (from !== undefined) return [`at least ${text(from)}${unit}`];
  return to === undefined ? [] : [`at most ${text(to)}${unit}`];
}

export interface Field {
  readonly name: string;
  readonly isRequired: boolean;
  readonly schema: Schema;
  readonly description?: string | undefined;
}

export function fieldTable(fields: readonly Field[]): Html {
  if (fields.length === 0) return '';
  const rows = fields.map(
    ({ name, isRequired, schema, description = schema.description ?? '' }) =>
      html`<tr>
        <th scope="row"><code>${name}</code>${isRequired ? html` <small>required</small>` : ''}</th>
        <td>
          <span class="type">${typeOf(schema)}</span>
          <span class="limits">${limitsOf(schema).join(', ')}</span>
          <p>${prose(description)}</p>
        </td>
      </tr>`,
  );
  return html`<table>
    ${rows}
  </table>`;
}

/** The fields of an object; nested fields follow with their path: `match.headers[].name`. */
export function fieldsOf(schema: Schema, prefix = ''): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => {
    const name = `${prefix}${key}`;
    const isRequired = schema.required?.includes(key) ?? false;
    const within = inner.items
      ? fieldsOf(inner.items, `${name}[].`)
      : [
          ...fieldsOf(inner, `${name}.`),
          ...(inner.anyOf ?? []).flatMap((each) => fieldsOf(each, `${name}.`)),
        ];
    return [{ name, isRequired, schema: inner }, ...within];
  });
}

/** The smallest value that a schema accepts: an object has its required fields only. */
export function exampleOf(schema: Schema, schemas: Schemas): unknown {
  if (schema.$ref !== undefined) return exampleOf(schemas[nameOfRef(schema.$ref)] ?? {}, schemas);
  if (schema.example !== undefined) return schema.example;
  if (schema.enum) return schema.enum[0];
  if (schema.items) return schema.minItems === undefined ? [] : [exampleOf(schema.items, schemas)];
  if (schema.properties) {
    const names = schema.required ?? [];
    return Object.fromEntries(
      names.map((name) => [name, exampleOf(schema.properties?.[name] ?? {}, schemas)]),
    );
  }
  return schema.type === 'object' ? {} : '…';
}

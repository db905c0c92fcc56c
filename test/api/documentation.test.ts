import { expect, test } from 'vitest';
import { OBJECT_KINDS, LIST_OF } from '../../router-core/config/object-kinds.ts';
import { apiHere } from '../support/api.ts';
import { redisHere } from '../support/parts.ts';

type Json = Record<string, unknown>;

interface Operation {
  summary?: string;
  tags?: string[];
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema?: Json }> };
  responses: Record<string, { description?: string; content?: Record<string, { schema?: Json }> }>;
}

async function document() {
  const api = await apiHere((await redisHere()).url);
  const { body } = await api.get('/openapi.json', { token: null });
  return body as {
    openapi: string;
    info: { title: string; version: string };
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: Record<string, Json>; securitySchemes: Json };
  };
}

/** Every object in a JSON value, with where it is. */
function* objectsIn(value: unknown, path = ''): Generator<[string, Json]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield [path, value as Json];
  for (const [key, inner] of Object.entries(value)) yield* objectsIn(inner, `${path}/${key}`);
}

const TYPES = ['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'];

test('openapi.json describes every operation, and every reference in it leads somewhere', async () => {
  const { openapi, info, paths, components } = await document();
  expect(openapi).toMatch(/^3\.1\./);
  expect(info.title).toBe('mini-router');
  expect(components.securitySchemes).toHaveProperty('adminToken');

  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, { summary, tags, parameters = [], responses }] of Object.entries(methods)) {
      const where = `${method} ${path}`;
      expect(summary, where).toBeTruthy();
      expect(tags?.length, where).toBe(1);
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      expect(
        parameters.filter((each) => each.in === 'path').map(({ name }) => name),
        where,
      ).toEqual(inPath);
      const success = Object.keys(responses).filter((status) => status.startsWith('2'));
      expect(success.length, where).toBeGreaterThan(0);
      if (path !== '/live')
        expect(responses['default']?.content, where).toHaveProperty('application/problem+json');
    }
  }
  for (const [where, { $ref }] of objectsIn({ paths, components })) {
    if (typeof $ref !== 'string') continue;
    expect($ref, where).toMatch(/^#\/components\/schemas\/\w+$/);
    expect(components.schemas, where).toHaveProperty([$ref.split('/').at(-1) ?? '']);
  }
});

test('its schemas are schemas: types that exist, required fields that are there', async () => {
  const { components } = await document();
  for (const [where, schema] of objectsIn(components.schemas)) {
    const { type, required, properties } = schema;
    const isSchema = where.split('/').length === 2 || /\/(properties\/[^/]+|items)$/.test(where);
    if (!isSchema) continue;
    const known = ['$ref', 'type', 'anyOf', 'allOf', 'oneOf', 'enum', 'const', 'description'];
    // One that says nothing allows everything.
    if (Object.keys(schema).length > 0)
      expect(
        known.some((key) => key in schema),
        where,
      ).toBe(true);
    for (const each of [type ?? []].flat()) expect(TYPES, where).toContain(each);
    for (const name of (required as string[] | undefined) ?? []) {
      expect(Object.keys((properties as Json | undefined) ?? {}), where).toContain(name);
    }
  }
});

test('it has the fields of each kind of object, their bounds and defaults', async () => {
  const { paths, components } = await document();
  for (const kind of OBJECT_KINDS) {
    expect(Object.keys(paths[`/v1/${LIST_OF[kind]}`] ?? {}).sort()).toEqual(['get', 'post']);
    expect(Object.keys(paths[`/v1/${LIST_OF[kind]}/{name}`] ?? {}).sort()).toEqual([
      'delete',
      'get',
      'patch',
      'put',
    ]);
  }
  const group = components.schemas['StoredGroup'] as { properties: Record<string, Json> };
  expect(group.properties['concurrency']).toMatchObject({ type: 'integer', minimum: 0, default: 0 });
  expect(group.properties['revision']).toMatchObject({ type: 'integer' });
  expect(components.schemas['StoredApp']).toMatchObject({ properties: { tokens: { type: 'array' } } });
  expect(JSON.stringify(components.schemas)).not.toContain('sha256');
});

test('/docs shows it without asking any other origin for anything', async () => {
  const api = await apiHere((await redisHere()).url);
  const page = await api.get('/docs', { token: null });
  expect(page.headers.get('content-type')).toContain('text/html');
  expect(page.text).not.toMatch(/https?:|["'(]\/\//);
  const policy = page.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/https?:|\*/);
  const files = [...page.text.matchAll(/(?:src|spec-url)="([^"]+)"/g)].map((match) => match[1] ?? '');
  expect(files.length).toBe(2);
  for (const file of files) {
    const answer = await fetch(new URL(file, `${api.url}/docs`));
    expect([file, answer.status]).toEqual([file, 200]);
    expect((await answer.text()).length).toBeGreaterThan(10_000);
  }
});

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

  const wrong: string[] = [];
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      wrong.push(...gapsOf(path, operation).map((gap) => `${method} ${path}: ${gap}`));
    }
  }
  const names = Object.keys(components.schemas).map((name) => `#/components/schemas/${name}`);
  for (const [where, { $ref }] of objectsIn({ paths, components })) {
    if ($ref !== undefined && !names.includes(JSON.stringify($ref).slice(1, -1)))
      wrong.push(`${where}: $ref`);
  }
  expect(wrong).toEqual([]);
});

function gapsOf(path: string, { summary, tags, parameters = [], responses }: Operation): string[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
  const named = parameters.filter((each) => each.in === 'path').map(({ name }) => name);
  const problem = responses['default']?.content?.['application/problem+json'];
  const gaps = {
    summary: !summary,
    tag: tags?.length !== 1,
    'path parameters': inPath.join() !== named.join(),
    success: !Object.keys(responses).some((status) => status.startsWith('2')),
    problem: problem === undefined && path !== '/live',
  };
  return Object.entries(gaps).flatMap(([what, isGap]) => (isGap ? [what] : []));
}

test('its schemas are schemas: types that exist, required fields that are there', async () => {
  const { components } = await document();
  const keywords = ['$ref', 'type', 'anyOf', 'allOf', 'oneOf', 'enum', 'const', 'description'];
  const wrong: string[] = [];
  for (const [where, schema] of objectsIn(components.schemas)) {
    const isSchema = where.split('/').length === 2 || /\/(properties\/[^/]+|items)$/.test(where);
    // One that says nothing allows everything.
    if (!isSchema || Object.keys(schema).length === 0) continue;
    if (!keywords.some((key) => key in schema)) wrong.push(`${where}: no keyword`);
    const { type = [], required = [], properties = {} } = schema;
    const unknown = [type].flat().filter((each) => !TYPES.includes(each as string));
    const missing = (required as string[]).filter((name) => !Object.hasOwn(properties as Json, name));
    wrong.push(...[...unknown, ...missing].map((what) => `${where}: ${JSON.stringify(what)}`));
  }
  expect(wrong).toEqual([]);
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

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { OBJECT_KINDS, LIST_OF } from '../../router-core/config/object-kinds.ts';
import { apiHere } from '../support/api.ts';
import { redisHere } from '../support/parts.ts';

type Json = Record<string, unknown>;

interface Operation {
  operationId: string;
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

test('/docs shows every operation and every schema, without a script and without asking for anything', async () => {
  const api = await apiHere((await redisHere()).url);
  const page = await api.get('/docs', { token: null });
  expect(page.headers.get('content-type')).toContain('text/html');
  expect(page.text).not.toMatch(
    /https?:|["'(]\/\/|<script|<link|<img|<iframe| src=| style=| on\w+=|undefined|\[object/,
  );

  const { paths, components } = (await api.get('/openapi.json', { token: null })).body as Awaited<
    ReturnType<typeof document>
  >;
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
  const ids = [...page.text.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual(expect.arrayContaining(operations.map(({ operationId }) => operationId)));
  expect(ids).toEqual(
    expect.arrayContaining(Object.keys(components.schemas).map((name) => `schema-${name}`)),
  );
  const links = [...page.text.matchAll(/ href="#([^"]+)"/g)].map((match) => match[1]);
  expect(links.filter((link) => !ids.includes(link))).toEqual([]);
});

test('the policy of /docs lets the browser use its one style sheet and nothing else', async () => {
  const api = await apiHere((await redisHere()).url);
  const { headers, text } = await api.get('/docs', { token: null });
  const policy = (headers.get('content-security-policy') ?? '').split('; ');
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("form-action 'none'");
  const styles = [...text.matchAll(/<style>([^<]*)<\/style>/g)].map((match) => match[1] ?? '');
  expect(styles).toHaveLength(1);
  const hash = createHash('sha256')
    .update(styles[0] ?? '')
    .digest('base64');
  expect(policy).toContain(`style-src 'sha256-${hash}'`);
  expect(policy.join()).not.toMatch(/https?:|\*|unsafe|self/);
});

test('the examples of /docs are commands that do what their operation does, and never empty a configuration', async () => {
  const api = await apiHere((await redisHere()).url);
  const { text } = await api.get('/docs', { token: null });
  const commands = [...text.matchAll(/<pre><code>([^<]*)<\/code>/g)].map((match) =>
    (match[1] ?? '').replaceAll('&quot;', '"').replaceAll('&#39;', "'"),
  );
  expect(commands.filter((command) => command.includes("'{}'"))).toEqual([]);
  const create = commands.find((command) => command.includes('-X POST "$ROUTER_API/v1/groups"')) ?? '';
  // The arguments that the shell would pass to curl.
  const script = `curl() { printf '%s\\n' "$@"; }; ${create}`;
  const env = { ...process.env, ROUTER_API: api.url, TOKEN: api.token };
  const { stdout } = await promisify(execFile)('sh', ['-c', script], { env });
  const [, method = '', url = '', , login, , type, , body = ''] = stdout.split('\n');
  expect([url, login]).toEqual([`${api.url}/v1/groups`, `Authorization: Bearer ${api.token}`]);
  const headers = { authorization: `Bearer ${api.token}`, 'content-type': type?.split(': ')[1] ?? '' };
  const answer = await fetch(url, { method, headers, body });
  expect([answer.status, await answer.json()]).toMatchObject([201, { name: 'llama' }]);
});

import { expect, test } from 'vitest';
import { apiHere } from '../support/api.ts';
import { redisHere } from '../support/parts.ts';

interface Operation {
  operationId?: string;
  summary?: string;
  description?: string;
  tags?: string[];
  security?: object[];
  responses: Record<string, unknown>;
}

interface OpenApi {
  servers?: { url: string }[];
  info: { license?: { name: string } };
  tags?: { name: string; description?: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: Record<string, Record<string, unknown>>;
}

// Linters of OpenAPI documents require this, too: clients are generated from the document.
async function openApi() {
  const api = await apiHere((await redisHere()).url);
  const document = (await api.get('/openapi.json', { token: null })).body as OpenApi;
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, ...operation })),
  );
  return { api, document, operations };
}

test('every operation has an id of its own, a summary, a description and says who may use it', async () => {
  const { operations } = await openApi();
  const ids = operations.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  const gaps = operations.flatMap(({ name, operationId = '', summary = '', description = '', security }) => {
    const wrong = {
      id: !/^[a-z]+([A-Z][a-z]*)*$/.test(operationId),
      summary: !/^[A-Z].*[^.]$/.test(summary),
      description: !/^[A-Z].*\.$/.test(description),
      security: security === undefined,
    };
    return Object.entries(wrong).flatMap(([what, isWrong]) => (isWrong ? [`${name}: ${what}`] : []));
  });
  expect(gaps).toEqual([]);
});

test('every operation but the checks of health names errors of its clients', async () => {
  const { operations } = await openApi();
  const without = operations.filter(
    ({ responses }) => !Object.keys(responses).some((one) => one.startsWith('4')),
  );
  expect(without.map(({ name }) => name)).toEqual(['get /live', 'get /ready']);
});

test('no summary or description is empty, or has the wrong article', async () => {
  const { document } = await openApi();
  const wrong: string[] = [];
  const look = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner === 'string' && (key === 'summary' || key === 'description')) {
        if (inner.trim() === '' || /\ba [aeio]|\ban [^aeiou]/i.test(inner)) wrong.push(`${path}: "${inner}"`);
      } else {
        look(inner, `${path}/${key}`);
      }
    }
  };
  look(document, '');
  expect(wrong).toEqual([]);
});

test('its tags are described, its components used, its license named', async () => {
  const { document, operations } = await openApi();
  const used = new Set(operations.flatMap(({ tags = [] }) => tags));
  expect(document.tags?.map(({ name }) => name).sort()).toEqual([...used].sort());
  expect(document.tags?.filter(({ description }) => !description)).toEqual([]);
  expect(document.info.license?.name).toBe('Apache-2.0');

  const text = JSON.stringify(document);
  const schemas = Object.keys(document.components['schemas'] ?? {});
  expect(schemas.filter((name) => !text.includes(`"#/components/schemas/${name}"`))).toEqual([]);
  expect(Object.keys(document.components).sort()).toEqual(['parameters', 'schemas', 'securitySchemes']);
});

test('its server is where the document was read, also below the path of a proxy', async () => {
  const { api, document } = await openApi();
  const [server] = document.servers ?? [];
  const base = new URL(server?.url ?? 'none:', `${api.url}/openapi.json`);
  expect(base.href).toBe(`${api.url}/`);
  expect(new URL(server?.url ?? 'none:', 'https://proxy/router/openapi.json').href).toBe(
    'https://proxy/router/',
  );
});

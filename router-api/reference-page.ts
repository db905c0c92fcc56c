import { html, raw } from 'hono/html';
import { readSourceFile } from '../router-core/runtime/source-files.ts';
import { exampleOf, fieldsOf, fieldTable, prose, typeOf } from './reference-schema.ts';
import type { Html, Schema, Schemas } from './reference-schema.ts';

type Content = Readonly<Record<string, { readonly schema?: Schema }>>;

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly security: readonly unknown[];
  readonly 'x-role'?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

/** The part of an OpenAPI document that the page shows. */
export interface ApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Schemas };
}

interface Endpoint extends Operation {
  readonly method: string;
  readonly path: string;
}

export const PAGE_STYLE = readSourceFile('router-api/reference-page.css');

/** The document as a page to read: one file without scripts that loads nothing. */
export function renderReference(document: ApiDocument): Html {
  const { info, tags, paths, components } = document;
  const endpoints = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Endpoint => ({ method, path, ...operation })),
  );
  const sections = tags.map((tag) => ({
    ...tag,
    own: endpoints.filter((each) => each.tags[0] === tag.name),
  }));
  const schemas = Object.entries(components.schemas);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${info.title} API</title>
        ${raw(`<style>${PAGE_STYLE}</style>`)}
      </head>
      <body>
        <nav aria-label="Contents">
          <a class="title" href="#top">${info.title} <small>${info.version}</small></a>
          ${sections.map(({ name, own }) => navigation(name, own))}
          <details>
            <summary>schemas</summary>
            ${schemas.map(([name]) => html`<a href="#schema-${name}">${name}</a>`)}
          </details>
        </nav>
        <main id="top">
          ${introduction(info)}
          ${sections.map(
            ({ name, description, own }) =>
              html`<section id="tag-${name}">
                <h2>${name}</h2>
                <p>${prose(description)}</p>
                ${own.map((endpoint) => article(endpoint, components.schemas))}
              </section>`,
          )}
          <section id="schemas">
            <h2>schemas</h2>
            ${schemas.map(([name, schema]) => schemaArticle(name, schema))}
          </section>
        </main>
      </body>
    </html>`;
}

function navigation(name: string, endpoints: readonly Endpoint[]): Html {
  return html`<details open>
    <summary>${name}</summary>
    ${endpoints.map(
      ({ operationId, method, summary }) =>
        html`<a href="#${operationId}"><b class="${method}">${method}</b> ${summary}</a>`,
    )}
  </details>`;
}

function introduction({ title, version, description }: ApiDocument['info']): Html {
  return html`<h1>${title} API <small>${version}</small></h1>
    <p>${prose(description)}</p>
    <p>
      Send the token of an admin with each request. Roles are viewer, operator and admin; each may do what the
      one before it may.
    </p>
    <pre><code>curl -H "Authorization: Bearer $TOKEN" "$ROUTER_API/v1/status"</code></pre>
    <p>
      For programs, and for tools that make clients: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).
    </p>`;
}

function article(endpoint: Endpoint, schemas: Schemas): Html {
  const { operationId, method, path, summary, description, parameters = [], responses } = endpoint;
  const role = endpoint['x-role'];
  const fields = parameters.map(({ name, required = false, schema, description: text }) => {
    return { name, isRequired: required, schema, description: text };
  });
  const body = Object.entries(endpoint.requestBody?.content ?? {})[0];
  return html`<article id="${operationId}">
    <h3><a href="#${operationId}">${summary}</a></h3>
    <p class="endpoint">
      <b class="${method}">${method}</b> <code>${path}</code>
      <span class="role">${role === undefined ? 'no token needed' : `role ${role}`}</span>
    </p>
    <p>${prose(description)}</p>
    ${fields.length > 0 ? html`<h4>Parameters</h4>` : ''} ${fieldTable(fields)}
    ${
      body
        ? html`<h4>Body</h4>
            <p>${typeOf(body[1].schema ?? {})} as <code>${body[0]}</code></p>`
        : ''
    }
    <pre><code>${curlOf(endpoint, schemas)}</code></pre>
    <h4>Answers</h4>
    <dl>${Object.entries(responses).map(([status, answer]) => answerOf(status, answer))}</dl>
  </article>`;
}

function answerOf(status: string, { description, content }: Operation['responses'][string]): Html {
  const schema = Object.values(content ?? {})[0]?.schema;
  const isError = !/^[23]/.test(status);
  // Named types only: the text describes the shape of the others.
  const type = schema && !isError ? html` <span class="type">${typeOf(itemsOf(schema))}</span>` : '';
  return html`<div class="${isError ? 'error' : 'success'}">
    <dt>${status === 'default' ? 'other' : status}</dt>
    <dd>${prose(description)}${type}</dd>
  </div>`;
}

/** A page of a list is shown as its items. */
function itemsOf(schema: Schema): Schema {
  return schema.properties?.['items'] ?? schema;
}

function curlOf(
  { method, path, parameters = [], requestBody, security }: Endpoint,
  schemas: Schemas,
): string {
  const inPath = parameters.filter((each) => each.in === 'path');
  const filled = inPath.reduce((target, { name, schema }) => {
    const { example } = schema;
    return target.replace(`{${name}}`, typeof example === 'string' ? example : name.toUpperCase());
  }, path);
  const lines = [`curl${method === 'get' ? '' : ` -X ${method.toUpperCase()}`} "$ROUTER_API${filled}"`];
  if (security.length > 0) lines.push('-H "Authorization: Bearer $TOKEN"');
  for (const [type, { schema = {} }] of Object.entries(requestBody?.content ?? {}).slice(0, 1)) {
    const body = JSON.stringify(exampleOf(schema, schemas));
    // An empty object means "remove everything" or "revoke all tokens" at some endpoints, so it is not offered for pasting.
    lines.push(`-H 'Content-Type: ${type}'`, body === '{}' ? '-d @body.json' : `-d '${body}'`);
  }
  return lines.join(' \\\n  ');
}

function schemaArticle(name: string, schema: Schema): Html {
  return html`<article id="schema-${name}">
    <h3><a href="#schema-${name}">${name}</a></h3>
    <p>${prose(schema.description ?? '')}</p>
    ${fieldTable(fieldsOf(schema))}
  </article>`;
}

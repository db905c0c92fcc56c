import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { packageVersion } from '../router-core/runtime/package-info.ts';
import type { Api } from './endpoint.ts';

const require = createRequire(import.meta.url);

const DESCRIPTION =
  'The control plane of mini-router: what is configured, what is running, and who may do what. ' +
  'Every error is a problem document (RFC 9457). Times are ISO 8601 in UTC, durations milliseconds.';

/** One for each kind of object, and one for each view of what runs. */
const TAGS = [
  { name: 'groups', description: 'A group is a line of requests and the agents that take them from it.' },
  { name: 'routes', description: 'Routes say which requests go to which groups.' },
  { name: 'apps', description: 'Apps are clients of hubs: each has tokens, and limits of its own.' },
  { name: 'agents', description: 'Agents pull requests for upstreams: each has tokens, a group and scopes.' },
  { name: 'admins', description: 'Admins use this API, as far as their role allows.' },
  { name: 'config', description: 'The whole configuration as one document.' },
  { name: 'requests', description: 'Requests in flight, and requests that were given up.' },
  { name: 'status', description: 'What is running now.' },
  { name: 'audit', description: 'Who has changed what.' },
  { name: 'health', description: 'For load balancers, and for whatever restarts processes.' },
];

const SCRIPT = 'rapidoc-min.js';

// Relative, so that it works below the path of a reverse proxy, too.
const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>mini-router API</title>
    <script type="module" src="docs/${SCRIPT}"></script>
  </head>
  <body>
    <rapi-doc spec-url="openapi.json" render-style="read" load-fonts="false" allow-server-selection="false"
      show-header="false" persist-auth="false"></rapi-doc>
  </body>
</html>
`;

/** The page needs nothing from elsewhere, and its browser is told so. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** GET /openapi.json, and /docs to read it and to try it: open to all, there is nothing secret in them. */
export function documentationEndpoints(api: Api): void {
  api.openAPIRegistry.registerComponent('securitySchemes', 'adminToken', {
    type: 'http',
    scheme: 'bearer',
    description: 'The token of an admin: mr_admin_…',
  });
  let document: object | undefined;
  api.get('/openapi.json', (c) => {
    document ??= api.getOpenAPI31Document({
      openapi: '3.1.0',
      info: {
        title: 'mini-router',
        version: packageVersion(),
        description: DESCRIPTION,
        license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      },
      // Relative to this document: it is right below the path of a reverse proxy, too.
      servers: [{ url: '.', description: 'The router-api that this document comes from' }],
      tags: TAGS,
    });
    return c.json(document);
  });
  api.get('/docs', (c) => c.html(PAGE, 200, { 'Content-Security-Policy': PAGE_POLICY }));

  let script: string | undefined;
  api.get(`/docs/${SCRIPT}`, (c) => {
    script ??= readFileSync(require.resolve('rapidoc/dist/rapidoc-min.js'), 'utf8');
    return c.body(script, 200, { 'Content-Type': 'text/javascript', 'Cache-Control': 'max-age=3600' });
  });
}

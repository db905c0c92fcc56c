import { createHash } from 'node:crypto';
import { packageVersion } from '../router-core/runtime/package-info.ts';
import type { Api } from './endpoint.ts';
import { PAGE_STYLE, renderReference, type ApiDocument } from './reference-page.ts';

const DESCRIPTION =
  'The control plane of mini-router: what is configured, what is running, and who may do what. ' +
  'Every error is a problem document (RFC 9457). Times are ISO 8601 in UTC, durations milliseconds.';

/** One tag for each kind of object, and one for each view of running things. */
const TAGS = [
  { name: 'groups', description: 'A group is a line of requests and the agents that take them from it.' },
  { name: 'routes', description: 'Routes say which requests go to which groups.' },
  { name: 'apps', description: 'Apps are clients of hubs: each has tokens, and limits of its own.' },
  { name: 'agents', description: 'Agents pull requests for upstreams: each has tokens, a group and scopes.' },
  { name: 'admins', description: 'Admins use this API, as far as their role allows.' },
  { name: 'config', description: 'The whole configuration as one document.' },
  { name: 'requests', description: 'Requests in flight, and requests that were given up.' },
  { name: 'status', description: 'What is running now.' },
  { name: 'audit', description: 'Changes and who made them.' },
  { name: 'health', description: 'For load balancers and supervisors.' },
];

/** The page runs no script and loads nothing; this policy makes browsers enforce it. */
const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(PAGE_STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** GET /openapi.json, and /docs to read it. Both are open: they hold no secret. */
export function documentationEndpoints(api: Api): void {
  api.openAPIRegistry.registerComponent('securitySchemes', 'adminToken', {
    type: 'http',
    scheme: 'bearer',
    description: 'The token of an admin: mr_admin_…',
  });
  let document: ApiDocument | undefined;
  const documentOnce = () => (document ??= describe(api));
  api.get('/openapi.json', (c) => c.json(documentOnce()));
  let page: string | undefined;
  api.get('/docs', async (c) => {
    page ??= String(await renderReference(documentOnce()));
    return c.html(page, 200, { 'Content-Security-Policy': PAGE_POLICY });
  });
}

function describe(api: Api): ApiDocument {
  const document = api.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'mini-router',
      version: packageVersion(),
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    // Relative to this document, so that it is right below the path of a reverse proxy, too.
    servers: [{ url: '.', description: 'The router-api that this document comes from' }],
    tags: TAGS,
  });
  // The library's type allows any field. test/api checks that the document has the fields that the page reads.
  return document as unknown as ApiDocument;
}

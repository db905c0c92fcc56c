import { Hono } from 'hono';
import type { Context } from 'hono';
import type { createHealthProbe } from '../router-core/protocol/health.ts';

type HealthProbe = Pick<ReturnType<typeof createHealthProbe>, 'ready' | 'groups'>;

/** GET /live (this process runs), /ready (and Redis answers), /v1/status (what each group is doing). */
export function createApi(probe: HealthProbe): Hono {
  const api = new Hono();

  api.get('/live', (c) => c.json({ status: 'live' }));

  api.get('/ready', async (c) => {
    return (await probe.ready()) ? c.json({ status: 'ready' }) : storeUnavailable(c);
  });

  api.get('/v1/status', async (c) => {
    if (!(await probe.ready())) return storeUnavailable(c);
    return c.json({ groups: await probe.groups() });
  });

  api.notFound((c) => problem(c, { status: 404, code: 'not-found', title: 'There is nothing at this path' }));
  api.onError((_error, c) => storeUnavailable(c));
  return api;
}

/** All that these endpoints need is Redis: whatever they cannot answer, it is the store that did not. */
function storeUnavailable(c: Context): Response {
  return problem(c, { status: 503, code: 'store-unavailable', title: 'Redis does not answer' });
}

interface Problem {
  status: 404 | 503;
  code: string;
  title: string;
}

/** RFC 9457. */
function problem(c: Context, { status, code, title }: Problem): Response {
  const headers = { 'content-type': 'application/problem+json', 'router-error': code };
  return c.body(JSON.stringify({ type: 'about:blank', title, status, code }), status, headers);
}

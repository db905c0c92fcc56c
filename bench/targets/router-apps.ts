/**
 * Target `router-apps`: the router with a configuration of realistic size. A thousand routes; the last one matches, needs the
 * token of an app, and each request carries it.
 */
import { z } from 'zod';
import { createToken } from '../../router-core/config/token.ts';
import { freePort } from '../../router-core/runtime/free-port.ts';
import { waitFor200 } from '../ready.ts';
import { startParts } from './router.ts';
import { readyTarget, repositoryFile, type Target, type TargetSettings } from './target.ts';

const ROUTES = 1_000;

const appliedSchema = z.object({ tokens: z.array(z.object({ name: z.string(), token: z.string() })) });

function document() {
  const groups = [{ group: 'default' }];
  const others = Array.from({ length: ROUTES - 1 }, (_, i) => ({
    name: `service-${i}`,
    match: i % 2 === 0 ? { path: `/service-${i}/*` } : { host: `service-${i}.example.com`, path: '/*' },
    groups,
  }));
  return {
    groups: [{ name: 'default', queue: { depth: 10_000 } }],
    routes: [...others, { name: 'default', match: { path: '/*' }, groups, auth: 'app' }],
    apps: [{ name: 'bench', groups: ['default'] }],
  };
}

export async function startRouterWithApps(
  settings: TargetSettings,
  { slots }: { slots: number },
): Promise<Target> {
  const parts = await startParts(settings, { slots, profileDir: undefined });
  const port = await freePort();
  const { token } = createToken('admin', new Date().toISOString());
  const args = ['--redis', parts.redisUrl, '--port', String(port), '--admin-token', token];
  const command = [repositoryFile('bin/router-api'), ...args];
  const api = await settings.workspace.start('api', process.execPath, command);
  const url = `http://127.0.0.1:${port}`;
  await waitFor200(`${url}/ready`, [api]);
  const answer = await fetch(`${url}/v1/config`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(document()),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`router-api refuses the configuration: ${answer.status} ${text}`);
  const [app] = appliedSchema.parse(JSON.parse(text)).tokens;
  // No request passes router-api, so its CPU does not count.
  const started = { ...parts, name: 'router-apps', header: `Router-Token: ${app?.token ?? ''}` } as const;
  return readyTarget({ ...started, children: [...parts.children, api] }, settings);
}

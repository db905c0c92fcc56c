/**
 * Target `router-apps`: the router with a configuration of realistic size. A thousand routes; the last one matches, needs the
 * token of an app, and each request carries it.
 */
import { applyConfig } from './apply-config.ts';
import { startParts } from './router.ts';
import { readyTarget, type Target, type TargetSettings } from './target.ts';

const ROUTES = 1_000;

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
  const { api, token } = await applyConfig(settings, parts.redisUrl, document());
  // No request passes router-api, so its CPU does not count.
  const started = { ...parts, name: 'router-apps', header: `Router-Token: ${token}` } as const;
  return readyTarget({ ...started, children: [...parts.children, api] }, settings);
}

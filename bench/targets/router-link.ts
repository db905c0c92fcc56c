/** Target `router-link`: the router with an agent that reaches the hub only, over a WebSocket. */
import { applyConfig } from './apply-config.ts';
import { agentArgs, startHubParts, startPart, type RouterOptions } from './router.ts';
import { readyTarget, type Target, type TargetSettings } from './target.ts';

const CONFIGURATION = {
  groups: [{ name: 'default', queue: { depth: 10_000 } }],
  routes: [{ name: 'default', match: { path: '/*' }, groups: [{ group: 'default' }] }],
  agents: [{ name: 'bench', group: 'default' }],
};

export async function startRouterWithLink(settings: TargetSettings, options: RouterOptions): Promise<Target> {
  const { redis, hub, port } = await startHubParts(settings, options);
  const { api, token } = await applyConfig(settings, redis.url, CONFIGURATION);
  const at = ['--hub', `http://127.0.0.1:${port}`, '--token', token];
  const agent = await startPart(settings, options, 'agent', [...at, ...agentArgs(settings, options)]);
  const measured = redis.isDirect ? [redis.child, hub, agent] : [hub, agent];
  const children = [redis.child, hub, agent, api];
  return readyTarget({ name: 'router-link', port, children, measured }, settings);
}

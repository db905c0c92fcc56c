/** Target `bare-pull`: Redis, and the least that can pull requests through it. */
import { freePort } from '../../router-core/runtime/free-port.ts';
import { startRedis } from './router.ts';
import { processFile, readyTarget, type Target, type TargetSettings } from './target.ts';

export async function startBarePull(settings: TargetSettings, { slots }: { slots: number }): Promise<Target> {
  const redis = await startRedis(settings);
  const port = await freePort();
  const start = (role: string, ...args: string[]) =>
    settings.workspace.start(role, process.execPath, [processFile('bare-pull'), role, ...args]);
  const agent = await start('agent', redis.url, `http://127.0.0.1:${settings.upstreamPort}`, String(slots));
  const hub = await start('hub', String(port), redis.url);
  const children = [redis.child, hub, agent];
  const measured = redis.isDirect ? children : [hub, agent];
  return readyTarget({ name: 'bare-pull', port, children, measured }, settings);
}

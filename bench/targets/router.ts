/**
 * Targets `router` and `router-tcp`: a private Redis, one hub and one agent, each started as a user would start it. Redis
 * listens on a Unix socket, as that of `router-cli up` does, or on a port, as it does on another machine.
 */
import { randomUUID } from 'node:crypto';
import { socketIn, socketUrl } from '../../router-cli/private-redis.ts';
import { findRedisEngine } from '../../router-cli/redis-engine.ts';
import { freePort } from '../../router-core/runtime/free-port.ts';
import { waitFor200 } from '../ready.ts';
import type { Child } from '../workspace.ts';
import { readyTarget, repositoryFile, type Target, type TargetSettings } from './target.ts';

export interface RouterOptions {
  /** The agent's concurrency: further requests wait in Redis. */
  readonly slots: number;
  /** Redis on a port instead of a Unix socket. */
  readonly overTcp?: boolean;
  /** Directory for V8 CPU profiles of hub and agent, written when they end. */
  readonly profileDir: string | undefined;
}

function nodeArgs(role: string, options: RouterOptions): string[] {
  if (options.profileDir === undefined) return [];
  return [
    '--cpu-prof',
    `--cpu-prof-dir=${options.profileDir}`,
    `--cpu-prof-name=${role}-${options.slots}.cpuprofile`,
  ];
}

interface StartedRedis {
  readonly child: Child;
  readonly url: string;
  /** False in Docker: then the child is not the server, so its CPU and memory say nothing. */
  readonly isDirect: boolean;
}

export async function startRedis(settings: TargetSettings, overTcp = false): Promise<StartedRedis> {
  const engine = await findRedisEngine();
  const dir = settings.workspace.directory(`redis-${randomUUID().slice(0, 8)}`);
  const socket = overTcp ? undefined : socketIn(dir, engine);
  const port = socket === undefined ? await freePort() : 0;
  const { program, args } = engine.command({
    port,
    socket,
    dir,
    args: ['--save', '', '--appendonly', 'no'],
  });
  const child = await settings.workspace.start('redis', program, args);
  const url = socket === undefined ? `redis://127.0.0.1:${port}` : socketUrl(socket);
  return { child, url, isDirect: engine.isDirect };
}

export interface StartedRouter {
  readonly port: number;
  readonly redisUrl: string;
  readonly children: readonly Child[];
  readonly measured: readonly Child[];
}

/** A hub or an agent. */
export function startPart(
  settings: TargetSettings,
  options: RouterOptions,
  role: string,
  args: readonly string[],
): Promise<Child> {
  const command = [...nodeArgs(role, options), repositoryFile('bin/router-core'), role, ...args];
  return settings.workspace.start(role, process.execPath, command);
}

/** Redis, and a hub that is ready. */
export async function startHubParts(
  settings: TargetSettings,
  options: RouterOptions,
): Promise<{ redis: StartedRedis; hub: Child; port: number }> {
  const redis = await startRedis(settings, options.overTcp);
  const port = await freePort();
  // The large upload is 1 GiB: above the default limit of a body, which is not measured here. And a hub gives load balancers a
  // third of its drain time to notice: nobody waits for that here.
  const limits = ['--queue-depth', '10000', '--max-body', '0', '--drain', '3s'];
  const at = ['--redis', redis.url, '--port', String(port), '--host', '127.0.0.1'];
  const hub = await startPart(settings, options, 'hub', [...at, ...limits]);
  const withinMs = redis.isDirect ? 15_000 : 180_000;
  await waitFor200(`http://127.0.0.1:${port}/_router/ready`, [redis.child, hub], { withinMs });
  return { redis, hub, port };
}

/** The upstream of an agent, and how many calls it makes at once. */
export function agentArgs(settings: TargetSettings, { slots }: RouterOptions): string[] {
  return ['--upstream', `http://127.0.0.1:${settings.upstreamPort}`, '--concurrency', String(slots)];
}

/** Redis, a hub that is ready, and an agent. */
export async function startParts(settings: TargetSettings, options: RouterOptions): Promise<StartedRouter> {
  const { redis, hub, port } = await startHubParts(settings, options);
  const args = ['--redis', redis.url, ...agentArgs(settings, options)];
  const agent = await startPart(settings, options, 'agent', args);
  const children = [redis.child, hub, agent];
  return { port, redisUrl: redis.url, children, measured: redis.isDirect ? children : [hub, agent] };
}

export async function startRouter(settings: TargetSettings, options: RouterOptions): Promise<Target> {
  const name = options.overTcp ? 'router-tcp' : 'router';
  return readyTarget({ name, ...(await startParts(settings, options)) }, settings);
}

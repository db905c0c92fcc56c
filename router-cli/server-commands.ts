import type { AddressInfo } from 'node:net';
import type { Command } from 'commander';
import { port } from '../router-core/runtime/options.ts';
import { CommandError } from '../router-core/runtime/run-command.ts';
import { useSettings } from '../router-core/runtime/settings.ts';
import { closeOnSignal } from '../router-core/runtime/shutdown.ts';
import type { Surroundings } from './surroundings.ts';
import { upSettings } from './up-settings.ts';

const demoSettings = {
  port: {
    flag: '--port <port>',
    about: 'port on 127.0.0.1; 0 takes any free one',
    default: '8000',
    type: port(),
  },
} as const;

/** Commands that run until they are stopped. They import their code when they run, so that other commands start sooner. */
export function serverCommands(program: Command, surroundings: Surroundings): void {
  useSettings(program.command('up'), upSettings, async (config) => {
    const [{ up }, { createLogger }] = await Promise.all([import('./up.ts'), loadLogger()]);
    await up(config, { surroundings, log: createLogger({ level: 'warn', name: 'router-cli' }) });
  }).description(
    'run everything on this machine: a hub, an agent per upstream, router-api, and a private Redis when none is given',
  );

  useSettings(program.command('demo-upstream'), demoSettings, (config) => runDemo(config)).description(
    'a small upstream to try the router with: it streams tokens, echoes, and serves large files',
  );

  // For `up`, which runs it as a process of its own, so that Redis and its directory go away even when `up` is killed.
  useSettings(program.command('private-redis', { hidden: true }), {}, runPrivateRedis).description(
    'a Redis in a temporary directory, on a Unix socket in there or on a free port',
  );
}

function loadLogger() {
  return import('../router-core/runtime/logger.ts');
}

async function runDemo(config: { port: number }): Promise<void> {
  const [{ startDemoUpstream }, { createLogger }] = await Promise.all([
    import('./demo-upstream.ts'),
    loadLogger(),
  ]);
  const log = createLogger({ level: 'info', name: 'demo' });
  const server = await startDemoUpstream(config).catch((error: unknown) => {
    throw new CommandError(`cannot listen on port ${config.port}: ${String(error)}`, { exitCode: 1 });
  });
  closeOnSignal(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }, log);
  log.info({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }, 'demo upstream ready');
}

async function runPrivateRedis(): Promise<void> {
  const [{ startPrivateRedis }, { createLogger }] = await Promise.all([
    import('./private-redis.ts'),
    loadLogger(),
  ]);
  const log = createLogger({ level: 'info', name: 'redis' });
  const starting = startPrivateRedis();
  let closing = false;
  closeOnSignal(async () => {
    closing = true;
    const redis = await starting;
    await redis.close();
  }, log);

  const redis = await starting;
  log.info({ url: redis.url, redisPid: redis.pid }, 'redis ready');
  const how = await redis.ended;
  if (closing) return;
  await redis.close();
  throw new CommandError(`Redis ${how}`, { exitCode: 1 });
}

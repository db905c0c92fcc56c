import type { AddressInfo } from 'node:net';
import { createLogger } from '../router-core/runtime/logger.ts';
import { port } from '../router-core/runtime/options.ts';
import { CommandError, createProgram, runProgram } from '../router-core/runtime/run-command.ts';
import { useSettings } from '../router-core/runtime/settings.ts';
import { closeOnSignal } from '../router-core/runtime/shutdown.ts';
import { adminInitSettings, initAdmin, printAdminToken } from './admin.ts';
import { startDemoUpstream } from './demo-upstream.ts';
import { startPrivateRedis } from './private-redis.ts';
import { upSettings } from './up-settings.ts';
import { up } from './up.ts';

const program = createProgram({ name: 'router-cli', about: 'Run and manage mini-router.' });

useSettings(program.command('up'), upSettings, async (config) => {
  await up(config, { env: process.env, log: createLogger({ level: 'warn', name: 'router-cli' }) });
}).description(
  'run everything on this machine: a hub, an agent per upstream, and a private Redis when none is given',
);

const admin = program.command('admin').description('who may use router-api');

useSettings(admin.command('init'), adminInitSettings, (config) => initAdmin(config, process.env)).description(
  'write an admin straight to Redis and print its token: for the first one, or when all tokens are lost',
);

useSettings(admin.command('token'), {}, () => Promise.resolve(printAdminToken())).description(
  'print a new token for the ROUTER_ADMIN_TOKEN of router-api; it is stored nowhere',
);

const demoSettings = {
  port: {
    flag: '--port <port>',
    about: 'port on 127.0.0.1; 0 takes any free one',
    default: '8000',
    type: port(),
  },
} as const;

useSettings(program.command('demo-upstream'), demoSettings, async (config) => {
  const log = createLogger({ level: 'info', name: 'demo' });
  const server = await startDemoUpstream(config).catch((error: unknown) => {
    throw new CommandError(`cannot listen on port ${config.port}: ${String(error)}`, { exitCode: 1 });
  });
  closeOnSignal(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }, log);
  log.info({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }, 'demo upstream ready');
}).description('a small upstream to try the router with: it streams tokens, echoes, and serves large files');

// For `up`, which runs it as a process of its own, so that Redis and its directory go away even when `up` is killed.
useSettings(program.command('private-redis', { hidden: true }), {}, async () => {
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
}).description('a Redis in a temporary directory, on a free port');

await runProgram(program);

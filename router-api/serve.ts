import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { createHealthProbe } from '../router-core/protocol/health.ts';
import { createLogger } from '../router-core/runtime/logger.ts';
import { CommandError } from '../router-core/runtime/run-command.ts';
import { closeOnSignal } from '../router-core/runtime/shutdown.ts';
import { createApi } from './api.ts';
import type { ApiConfig } from './settings.ts';

/** Listens until a signal comes. Redis may be away: then /ready says so. */
export async function serveApi(config: ApiConfig): Promise<void> {
  const log = createLogger({ level: config.logLevel, name: 'api' });
  const probe = createHealthProbe(config.redisUrl, log);
  const api = createApi(probe);
  const server = createAdaptorServer({ fetch: (request) => api.fetch(request) });
  try {
    server.listen(config.port, config.host);
    await once(server, 'listening');
  } catch (error) {
    throw new CommandError(`cannot listen on ${config.host}:${config.port}: ${String(error)}`, {
      exitCode: 1,
    });
  }
  closeOnSignal(async () => {
    await new Promise((resolve) => server.close(resolve));
    probe.close();
  }, log);
  const { address, port } = server.address() as AddressInfo;
  log.info({ address, port }, 'api ready');
}

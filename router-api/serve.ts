import { once, setMaxListeners } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { isIP, type AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { ControlPlane } from '../router-core/redis/control/control-plane.ts';
import { checkRoute } from '../router-core/routing/compile-route.ts';
import { sleep } from '../router-core/runtime/backoff.ts';
import { changeLevelOnSignal } from '../router-core/runtime/log-level-signal.ts';
import { createLogger, type Logger } from '../router-core/runtime/logger.ts';
import { CommandError } from '../router-core/runtime/run-command.ts';
import { processMetrics } from '../router-core/runtime/process-metrics.ts';
import { closeOnSignal } from '../router-core/runtime/shutdown.ts';
import { AdminDirectory } from './admin-directory.ts';
import { createApi } from './api.ts';
import type { ApiConfig } from './settings.ts';

/** The time that running requests have left when the process is stopping. */
const DRAIN_MS = 5_000;

const SERVER_OPTIONS = {
  headersTimeout: 15_000,
  requestTimeout: 60_000,
  // Longer than the idle timeout of usual load balancers, 60 s, so that they close a connection first.
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 5_000,
};

export interface RunningApi {
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Listens until it is closed. Redis may be away: /ready reports that. */
export async function startApi(config: ApiConfig, log: Logger): Promise<RunningApi> {
  const stop = new AbortController();
  // Each connection that follows events adds a listener.
  setMaxListeners(0, stop.signal);
  const control = new ControlPlane({ redisUrl: config.redisUrl, checkRoute, log });
  const admins = new AdminDirectory(config.adminToken);
  const ownMetrics = processMetrics('api');
  const parts = { control, admins, log, closing: stop.signal, processMetrics: ownMetrics };
  const api = createApi(parts, config);
  const fetch: typeof api.fetch = (request, env) => api.fetch(request, env);
  const server = createAdaptorServer({ fetch, serverOptions: SERVER_OPTIONS }) as Server;
  const answering = new Set<ServerResponse>();
  server.prependListener('request', (_request, response) => {
    answering.add(response);
    response.on('close', () => answering.delete(response));
    if (stop.signal.aborted) response.setHeader('Connection', 'close');
  });
  try {
    await listen(server, config);
  } catch (error) {
    control.close();
    ownMetrics.close();
    throw error;
  }
  warnOfRisks(config, control, log);
  const { address, port } = server.address() as AddressInfo;
  return {
    address,
    port,
    close: async () => {
      stop.abort();
      await drain(server, answering);
      control.close();
      ownMetrics.close();
    },
  };
}

export async function serveApi(config: ApiConfig): Promise<void> {
  const log = createLogger({ level: config.logLevel, name: 'api' });
  changeLevelOnSignal(log);
  const api = await startApi(config, log);
  closeOnSignal(() => api.close(), log);
  log.info({ address: api.address, port: api.port }, 'api ready');
}

/** Accepts no new connection; running responses may finish. Idle connections are closed at once. */
async function drain(server: Server, answering: ReadonlySet<ServerResponse>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const endAt = performance.now() + DRAIN_MS;
  while (answering.size > 0 && performance.now() < endAt) await sleep(20);
  server.closeAllConnections();
  await closed;
}

async function listen(server: Server, { host, port }: ApiConfig): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    throw new CommandError(`cannot listen on ${host}:${port}: ${String(error)}`, { exitCode: 1 });
  }
}

function warnOfRisks({ host, adminToken }: ApiConfig, control: ControlPlane, log: Logger): void {
  if (!isLoopback(host)) {
    log.warn({ host }, 'listens beyond this machine, without TLS: put a proxy with TLS in front of it');
  }
  if (adminToken !== undefined) return;
  const stopLooking = control.onChange((state) => {
    stopLooking();
    if (state.admins.size > 0) return;
    log.warn('there is no admin yet, so nobody can use this API: run `router-cli admin init`');
  });
}

function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from './logger.ts';
import { METRICS_CONTENT_TYPE } from './metrics.ts';
import { matching, port } from './options.ts';
import { CommandError } from './run-command.ts';
import type { Settings } from './settings.ts';

/** A separate port: clients of a hub should not see names of groups and routes, nor how busy they are. */
export const metricsSettings = {
  metricsPort: {
    flag: '--metrics-port <port>',
    about: 'port for Prometheus to scrape /metrics; 0 takes any free one (default: none)',
    type: port().optional(),
  },
  metricsHost: {
    flag: '--metrics-host <address>',
    about: 'address that the port for metrics listens on; anybody who reaches it may read them',
    default: '127.0.0.1',
    type: matching(/^[^\s/]+$/, 'an address or host name'),
  },
} as const satisfies Settings;

export interface MetricsAddress {
  readonly metricsPort: number | undefined;
  readonly metricsHost: string;
}

/** Serves the text of `render` for as long as the process runs, if a port is set. Rejects when the port is in use. */
export async function serveMetrics(
  { metricsPort, metricsHost }: MetricsAddress,
  { render, log }: { render: () => Promise<string>; log: Logger },
): Promise<void> {
  if (metricsPort === undefined) return;
  const server = createServer((req, res) => {
    void answer(req, res, render, log);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'the port is in use' : error.message;
      const what = `cannot serve metrics on ${metricsHost}:${metricsPort}: ${why}`;
      reject(new CommandError(`${what}; choose another with --metrics-port or --metrics-host`));
    });
    server.listen(metricsPort, metricsHost, resolve);
  });
  // Neither the server nor a scrape keeps the process from exiting.
  server.unref();
  server.on('connection', (socket) => socket.unref());
  const { port: bound } = server.address() as AddressInfo;
  log.info({ host: metricsHost, port: bound }, 'metrics are served');
}

async function answer(
  { method, url = '' }: IncomingMessage,
  res: ServerResponse,
  render: () => Promise<string>,
  log: Logger,
): Promise<void> {
  const isRead = method === 'GET' || method === 'HEAD';
  if (!isRead || url.split('?')[0] !== '/metrics') {
    res.writeHead(isRead ? 404 : 405).end();
    return;
  }
  try {
    const body = await render();
    res.writeHead(200, { 'Content-Type': METRICS_CONTENT_TYPE }).end(body);
  } catch (error) {
    log.warn({ err: error }, 'could not answer a scrape');
    res.writeHead(503).end();
  }
}

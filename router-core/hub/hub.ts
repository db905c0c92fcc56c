import { HubLink } from '../protocol/hub-link.ts';
import type { Logger } from '../runtime/logger.ts';
import { RequestFront } from './accept-request.ts';
import type { HubConfig } from './config.ts';
import { drainHub, Readiness } from './drain.ts';
import type { HubContext } from './exchange.ts';
import { createHttpServer, listen } from './http-server.ts';
import { compileRoutes } from './match-route.ts';
import { ServiceRate } from './service-rate.ts';

export interface Hub {
  /** The port it listens on. */
  readonly port: number;
  /** Resolves when Redis is there and fit; rejects with UnsuitableEngineError when it would lose requests. */
  readonly checked: Promise<void>;
  /** Drains: no new work, the running requests finish (at most `drainMs`), then everything is closed. */
  close(): Promise<void>;
}

/** So long a hub that starts waits for Redis before it listens; then it does without, and says that it is not ready. */
const LISTEN_AFTER_MS = 1_000;

/** Starts one hub. Resolves when it listens; readiness follows when Redis is there. Rejects when the port is taken. */
export async function startHub(config: HubConfig, log: Logger): Promise<Hub> {
  const { redisUrl, groups, queueDepth, groupConcurrency: concurrency, leaseMs } = config;
  const names = [...new Set(groups.map(({ name }) => name))];
  const settings = names.map((name) => ({ name, queueDepth, concurrency, leaseMs }));
  const link = new HubLink({ redisUrl, groups: settings, log });
  const context: HubContext = { config, link, log, inFlight: new Set(), rates: new ServiceRate() };
  const routes = compileRoutes(groups.map(({ name, path }) => ({ group: name, path })));
  const readiness = new Readiness(() => link.ready);

  const front = new RequestFront(context, routes, readiness);
  const server = createHttpServer(front);

  // With several hubs or workers behind one address, one that cannot take requests yet should not be given any.
  await link.settled(LISTEN_AFTER_MS);
  try {
    await listen(server, config);
  } catch (error) {
    link.close();
    context.rates.close();
    throw error;
  }
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : config.port;
  return {
    port,
    close: async () => {
      await drainHub({ server, switched: front.switched, context, readiness, drainMs: config.drainMs });
      context.rates.close();
      link.close();
    },
    checked: link.check(),
  };
}

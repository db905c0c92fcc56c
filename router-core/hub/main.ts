import cluster from 'node:cluster';
import type { CreateHubLink } from '../exchange/hub-link.ts';
import { storeMetrics } from '../redis/connection/store-metrics.ts';
import { redisRelayLinks } from '../redis/agent/redis-relay-links.ts';
import { LocalInboxes } from '../redis/frames/local-inboxes.ts';
import { RedisHubLink } from '../redis/hub/redis-hub-link.ts';
import { changeLevelOnSignal, followPrimaryLevel } from '../runtime/log-level-signal.ts';
import { createLogger, type Logger } from '../runtime/logger.ts';
import { serveMetrics } from '../runtime/metrics-server.ts';
import { processMetrics } from '../runtime/process-metrics.ts';
import { closeOnSignal } from '../runtime/shutdown.ts';
import { tuneHeap } from '../runtime/tune-heap.ts';
import { SlimeDoor } from '../slime/slime-door.ts';
import { AgentDoor } from '../websocket/hub/agent-door.ts';
import type { HubConfig } from './settings.ts';
import type { CreateAgentDoor } from './front/agent-door.ts';
import { startHub, type Hub } from './hub.ts';
import { superviseWorkers, TICKET_KEYS } from './workers.ts';

/** Runs a hub until it is told to stop. With `workers` > 1, runs that many on one port. */
export async function runHub(config: HubConfig): Promise<void> {
  tuneHeap();
  const log = createLogger({ level: config.logLevel, name: 'hub' });
  if (cluster.isPrimary && config.workers > 1) return superviseWorkers(config, log);
  if (cluster.isWorker) followPrimaryLevel(log);
  else changeLevelOnSignal(log);
  const ticketKeys = ticketKeysOf(process.env[TICKET_KEYS]);
  const local = new LocalInboxes();
  const createLink: CreateHubLink = (options) => new RedisHubLink(config.redisUrl, options, local);
  const createDoor = agentDoor(config, local, log);
  const hub = await startHub(config, { createLink, createDoor, ticketKeys }, log);
  closeOnSignal((mostMs) => hub.close(mostMs), log);
  const linkPort = config.linkPort === undefined ? undefined : hub.linkPort;
  log.info({ port: hub.port, linkPort, host: config.host, groups: config.groups }, 'hub listening');
  await Promise.all([hub.checked, showMetrics(config, hub, log)]);
  log.info({ port: hub.port }, 'hub ready');
}

/** Those that the primary has made for all its workers. */
function ticketKeysOf(hex: string | undefined): Buffer | undefined {
  return hex === undefined ? undefined : Buffer.from(hex, 'hex');
}

/** Undefined when agents may not dial in. */
function agentDoor(config: HubConfig, local: LocalInboxes, log: Logger): CreateAgentDoor | undefined {
  const { link, slime, slimeSecret: secret, slimeGroup: group = 'default' } = config;
  if (!link && !slime) return undefined;
  const createRelayLink = redisRelayLinks({ redisUrl: config.redisUrl, local });
  return (about) => {
    const door = new AgentDoor({ ...about, createRelayLink, takesLinks: link, log });
    return slime ? new SlimeDoor({ beside: door, secret, group, log }) : door;
  };
}

/** Serves metrics on the hub's own port, or with workers on that of their primary. */
async function showMetrics(config: HubConfig, hub: Hub, log: Logger): Promise<void> {
  if (config.metricsPort === undefined) return;
  // A process that nobody scrapes must not pay for loading it.
  const { renderMetrics, shareWithPrimary } = await import('../runtime/metric-registry.ts');
  const sources = [processMetrics('hub'), storeMetrics(), hub.metrics];
  if (cluster.isWorker) return shareWithPrimary(sources);
  await serveMetrics(config, { render: () => renderMetrics(sources), log });
}

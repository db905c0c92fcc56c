import cluster from 'node:cluster';
import { createLogger } from '../runtime/logger.ts';
import { closeOnSignal } from '../runtime/shutdown.ts';
import { tuneHeap } from '../runtime/tune-heap.ts';
import type { HubConfig } from './config.ts';
import { startHub } from './hub.ts';
import { superviseWorkers } from './workers.ts';

/** Runs a hub, or with `workers` > 1 that many on one port, until it is told to stop. */
export async function runHub(config: HubConfig): Promise<void> {
  tuneHeap();
  const log = createLogger({ level: config.logLevel, name: 'hub' });
  if (cluster.isPrimary && config.workers > 1) return superviseWorkers(config, log);
  const hub = await startHub(config, log);
  closeOnSignal(() => hub.close(), log);
  log.info({ port: hub.port, host: config.host, groups: config.groups }, 'hub listening');
  await hub.checked;
  log.info({ port: hub.port }, 'hub ready');
}

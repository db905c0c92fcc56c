import { storeMetrics } from '../redis/connection/store-metrics.ts';
import { changeLevelOnSignal } from '../runtime/log-level-signal.ts';
import { createLogger, type Logger } from '../runtime/logger.ts';
import { serveMetrics } from '../runtime/metrics-server.ts';
import { processMetrics } from '../runtime/process-metrics.ts';
import { closeOnSignal } from '../runtime/shutdown.ts';
import { tuneHeap } from '../runtime/tune-heap.ts';
import { startAgent, type Agent } from './agent.ts';
import type { AgentConfig } from './config.ts';

/** Runs the agent until it is told to stop. */
export async function runAgent(config: AgentConfig): Promise<void> {
  tuneHeap();
  const log = createLogger({ level: config.logLevel, name: 'agent' });
  changeLevelOnSignal(log);
  // Overwrites the arguments that ps shows: a token may be among them.
  process.title = 'router-core agent';
  const agent = startAgent(config, log, () => stop('the agent record drains'));
  const stop = closeOnSignal((mostMs) => agent.close(mostMs), log);
  await Promise.all([agent.joined, showMetrics(config, agent, log)]);
}

async function showMetrics(config: AgentConfig, agent: Agent, log: Logger): Promise<void> {
  if (config.metricsPort === undefined) return;
  // Loaded only here: a process that nobody scrapes never pays for it.
  const { renderMetrics } = await import('../runtime/metric-registry.ts');
  const sources = [processMetrics('agent'), storeMetrics(), agent.metrics];
  await serveMetrics(config, { render: () => renderMetrics(sources), log });
}

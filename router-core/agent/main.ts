import { tokenIdOf } from '../redis/agent/agent-card.ts';
import { redisAgentPorts } from '../redis/agent/redis-agent-ports.ts';
import { storeMetrics } from '../redis/connection/store-metrics.ts';
import { changeLevelOnSignal } from '../runtime/log-level-signal.ts';
import { startLogger, type Logger } from '../runtime/logger.ts';
import { serveMetrics } from '../runtime/metrics-server.ts';
import { processMetrics } from '../runtime/process-metrics.ts';
import { closeOnSignal } from '../runtime/shutdown.ts';
import { tuneHeap } from '../runtime/tune-heap.ts';
import { startAgent, type Agent } from './agent.ts';
import type { AgentConfig } from './settings.ts';

/** Runs the agent until it is stopped. */
export async function runAgent(config: AgentConfig): Promise<void> {
  tuneHeap();
  const log = await startLogger({ level: config.logLevel, name: 'agent' });
  changeLevelOnSignal(log);
  // Overwrites the arguments that ps shows: a token may be among them.
  process.title = 'router-core agent';
  const { redisUrl, token } = config;
  const ports = redisAgentPorts({ redisUrl, token, onRevoked: () => endRevoked(config, log), log });
  const onDraining = () => stop('the agent record drains');
  const agent = startAgent({ config, ports, onDraining, log });
  const stop = closeOnSignal((mostMs) => agent.close(mostMs), log);
  await Promise.all([agent.joined, showMetrics(config, agent, log)]);
}

/** See docs/settings.md. */
const REVOKED_EXIT_CODE = 4;

/** There is nothing to finish: no reply can leave, and other agents have the requests that ran. */
function endRevoked({ token }: AgentConfig, log: Logger): void {
  // A login without a token belongs to the operators of Redis: they may repair it at any time.
  if (token === undefined) return;
  log.fatal(
    { tokenId: tokenIdOf(token) },
    'the token of this agent has ended: it was revoked, rotated or removed, or has expired. Start the agent with a new one: router-cli agent rotate NAME prints it',
  );
  process.exit(REVOKED_EXIT_CODE);
}

async function showMetrics(config: AgentConfig, agent: Agent, log: Logger): Promise<void> {
  if (config.metricsPort === undefined) return;
  // Imported only here, so that a process without metrics port does not load it.
  const { renderMetrics } = await import('../runtime/metric-registry.ts');
  const sources = [processMetrics('agent'), storeMetrics(), agent.metrics];
  await serveMetrics(config, { render: () => renderMetrics(sources), log });
}

import { tokenIdOf } from '../redis/agent/agent-card.ts';
import { redisAgentPorts } from '../redis/agent/redis-agent-ports.ts';
import { storeMetrics } from '../redis/connection/store-metrics.ts';
import { changeLevelOnSignal } from '../runtime/log-level-signal.ts';
import { createLogger, type Logger } from '../runtime/logger.ts';
import { serveMetrics } from '../runtime/metrics-server.ts';
import { processMetrics } from '../runtime/process-metrics.ts';
import { closeOnSignal } from '../runtime/shutdown.ts';
import { tuneHeap } from '../runtime/tune-heap.ts';
import { startAgent, type Agent } from './agent.ts';
import type { AgentConfig } from './settings.ts';

/** Runs the agent until it is told to stop. */
export async function runAgent(config: AgentConfig): Promise<void> {
  tuneHeap();
  const log = createLogger({ level: config.logLevel, name: 'agent' });
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

/** docs/settings.md has it. */
const REVOKED_EXIT_CODE = 4;

/** Nothing is left to finish: no reply can leave, and what ran has gone to other agents. */
function endRevoked({ token }: AgentConfig, log: Logger): void {
  // A login that agents share belongs to those who manage Redis: they may put it right at any time.
  if (token === undefined) return;
  log.fatal(
    { tokenId: tokenIdOf(token) },
    'the token of this agent has ended: it was revoked, rotated or removed, or has expired. Start the agent with a new one: router-cli agent rotate NAME prints it',
  );
  process.exit(REVOKED_EXIT_CODE);
}

async function showMetrics(config: AgentConfig, agent: Agent, log: Logger): Promise<void> {
  if (config.metricsPort === undefined) return;
  // Loaded only here: a process that nobody scrapes never pays for it.
  const { renderMetrics } = await import('../runtime/metric-registry.ts');
  const sources = [processMetrics('agent'), storeMetrics(), agent.metrics];
  await serveMetrics(config, { render: () => renderMetrics(sources), log });
}

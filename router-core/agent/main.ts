import { parseToken } from '../config/token.ts';
import type { AgentPorts } from '../exchange/agent-link.ts';
import { storeMetrics } from '../redis/connection/store-metrics.ts';
import { changeLevelOnSignal } from '../runtime/log-level-signal.ts';
import { createLogger, type Logger } from '../runtime/logger.ts';
import { serveMetrics } from '../runtime/metrics-server.ts';
import { processMetrics } from '../runtime/process-metrics.ts';
import { CommandError } from '../runtime/run-command.ts';
import { closeOnSignal } from '../runtime/shutdown.ts';
import { tuneHeap } from '../runtime/tune-heap.ts';
import { startAgent, type Agent } from './agent.ts';
import { readPem, readUpstreamTls } from './read-upstream-tls.ts';
import type { AgentConfig } from './settings.ts';

const INSECURE =
  'CERTIFICATES OF UPSTREAMS ARE NOT CHECKED (--upstream-insecure): whoever can redirect the connection reads every request, and can answer it. Use --upstream-ca for a private authority';

/** Runs the agent until it is stopped. */
export async function runAgent(config: AgentConfig): Promise<void> {
  tuneHeap();
  const log = createLogger({ level: config.logLevel, name: 'agent' });
  changeLevelOnSignal(log);
  // Overwrites the arguments that ps shows: a token may be among them.
  process.title = 'router-core agent';
  const upstreamTls = readUpstreamTls(config);
  if (upstreamTls?.isInsecure) log.warn(INSECURE);
  const ports = await choosePorts(config, log);
  const onDraining = () => stop('the agent record drains');
  const agent = startAgent({ config, upstreamTls, ports, onDraining, log });
  const stop = closeOnSignal((mostMs) => agent.close(mostMs), log);
  await Promise.all([agent.joined, showMetrics(config, agent, log)]);
}

/** Only what is used is loaded. */
async function choosePorts(config: AgentConfig, log: Logger): Promise<AgentPorts> {
  const { redisUrl, hubs, hubCa, token } = config;
  const onRevoked = () => endRevoked(config, log);
  if (hubs.length === 0) {
    if (redisUrl === undefined)
      throw new CommandError('--redis or --hub is required (or ROUTER_REDIS_URL or ROUTER_HUB)');
    const { redisAgentPorts } = await import('../redis/agent/redis-agent-ports.ts');
    return redisAgentPorts({ redisUrl, token, onRevoked, log });
  }
  if (redisUrl !== undefined) {
    throw new CommandError(
      '--redis (ROUTER_REDIS_URL) and --hub (ROUTER_HUB) are both set: an agent uses Redis or hubs, so remove one of them',
    );
  }
  if (token === undefined)
    throw new CommandError('--hub needs the token of an agent: --token (or ROUTER_AGENT_TOKEN)');
  const ca = readPem('--hub-ca', hubCa);
  const { websocketAgentPorts } = await import('../websocket/agent/websocket-agent-ports.ts');
  return websocketAgentPorts({ hubs, token, ca, onRevoked, log });
}

/** See docs/settings.md. */
const REVOKED_EXIT_CODE = 4;

/** There is nothing to finish: no reply can leave, and other agents have the requests that ran. */
function endRevoked({ token }: AgentConfig, log: Logger): void {
  // A login without a token belongs to the operators of Redis: they may repair it at any time.
  if (token === undefined) return;
  log.fatal(
    { tokenId: parseToken(token)?.id },
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

import { createLogger } from '../runtime/logger.ts';
import { closeOnSignal } from '../runtime/shutdown.ts';
import { tuneHeap } from '../runtime/tune-heap.ts';
import { startAgent } from './agent.ts';
import type { AgentConfig } from './config.ts';

/** Runs the agent until it is told to stop. */
export async function runAgent(config: AgentConfig): Promise<void> {
  tuneHeap();
  const log = createLogger({ level: config.logLevel, name: 'agent' });
  // Overwrites the arguments that ps shows: a token may be among them.
  process.title = 'router-core agent';
  const agent = startAgent(config, log, () => process.kill(process.pid, 'SIGTERM'));
  closeOnSignal(() => agent.close(), log);
  await agent.joined;
}

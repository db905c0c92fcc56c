import { createLogger } from '../runtime/logger.ts';
import { closeOnSignal } from '../runtime/shutdown.ts';
import { tuneHeap } from '../runtime/tune-heap.ts';
import { startAgent } from './agent.ts';
import type { AgentConfig } from './config.ts';

/** Runs the agent until it is told to stop. */
export async function runAgent(config: AgentConfig): Promise<void> {
  tuneHeap();
  const log = createLogger({ level: config.logLevel, name: 'agent' });
  const agent = startAgent(config, log);
  closeOnSignal(() => agent.close(), log);
  await agent.joined;
}

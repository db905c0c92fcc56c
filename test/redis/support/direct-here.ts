import { onTestFinished } from 'vitest';
import type { Grant } from '../../../router-core/exchange/agent-link.ts';
import { redisAgentPorts } from '../../../router-core/redis/agent/redis-agent-ports.ts';
import { recordLog } from '../../support/config.ts';

/** An agent that reaches Redis itself, in its group until the test ends. `granted`: its last grant, as `slots state`. */
export async function directHere(
  redisUrl: string,
  group: string,
  record: string,
  slots: number,
): Promise<{ granted: () => string }> {
  let last: Grant | undefined;
  const { log } = recordLog();
  const report = { name: 'agent', version: '0', concurrency: slots, inFlight: 0, state: 'ready' } as const;
  const link = redisAgentPorts({ redisUrl, log }).createLink({
    group,
    scopes: [],
    record,
    name: 'agent',
    report: () => ({ slots, report }),
    onGrant: (grant) => (last = grant),
    log,
  });
  onTestFinished(() => link.close(100));
  await link.join();
  return { granted: () => (last ? `${last.slots} ${last.state}` : 'nothing') };
}

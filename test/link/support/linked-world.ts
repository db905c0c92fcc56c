import { onTestFinished } from 'vitest';
import { startFaultProxy, type FaultProxy } from '../../faults/support/fault-proxy.ts';
import { agentRecords, type AgentRecords } from '../../support/agent-records.ts';
import { freePort } from '../../support/ports.ts';
import { redisHere, type HubProcess } from '../../support/parts.ts';
import { uniqueGroup } from '../../support/router.ts';
import { hubAt, linkedAgentProcess, type LinkedAgentProcess } from './linked-agent-process.ts';

/** A hub that may be started again, and the line by which agents reach it. */
export interface ReachedHub {
  readonly url: string;
  readonly line: FaultProxy;
  process: HubProcess;
  /** SIGTERM, and once it has ended, the next one. */
  restart(): Promise<void>;
}

export interface LinkedWorld {
  readonly redisUrl: string;
  readonly group: string;
  readonly token: string;
  readonly records: AgentRecords;
  readonly hubs: readonly ReachedHub[];
  /** An agent that reaches these hubs, each through its line; all of them when left out. */
  agent(name: string, upstream: string, more?: AgentOptions): Promise<LinkedAgentProcess>;
}

interface AgentOptions {
  readonly hubs?: readonly ReachedHub[];
  readonly flags?: string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Redis, and so many hubs, each on a machine of its own name. */
export async function linkedWorld(count: number, flags: string[] = []): Promise<LinkedWorld> {
  const { url: redisUrl } = await redisHere();
  const group = uniqueGroup();
  const makeHub = async (host: string): Promise<ReachedHub> => {
    const port = await freePort();
    const start = () => hubAt(host, { redisUrl, group, port, flags: ['--drain', '10s', ...flags] });
    const process = await start();
    const line = await startFaultProxy(port);
    onTestFinished(() => line.close());
    const hub: ReachedHub = {
      url: process.url,
      line,
      process,
      async restart() {
        await hub.process.kill('SIGTERM');
        const { code } = await hub.process.ended;
        if (code !== 0) throw new Error(`a hub has ended with ${code}: ${hub.process.stderr}`);
        hub.process = await start();
      },
    };
    return hub;
  };
  const hubs = await Promise.all(Array.from({ length: count }, (_, i) => makeHub(`host-${i}`)));
  const records = agentRecords(redisUrl);
  const token = await records.set('gpu', { group });
  const agent: LinkedWorld['agent'] = (name, upstream, { hubs: some = hubs, ...more } = {}) => {
    const urls = some.map(({ line }) => `http://127.0.0.1:${line.port}`);
    return linkedAgentProcess({ hubs: urls, token, upstream, name, ...more });
  };
  return { redisUrl, group, token, records, hubs, agent };
}

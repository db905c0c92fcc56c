import type { HubConfig } from '../../../router-core/hub/settings.ts';
import { agentRecords, type AgentRecords } from '../../support/agent-records.ts';
import { hubHere, redisHere } from '../../support/parts.ts';
import { uniqueGroup, type TestHub } from '../../support/router.ts';
import { SlimeWorker } from './slime-worker.ts';

export interface SlimeHere {
  readonly hub: TestHub;
  readonly group: string;
  readonly redisUrl: string;
  /** The token of the agent record `gpu`. */
  readonly token: string;
  readonly records: AgentRecords;
  /** A worker with this token, or the record's; it has joined, unless it is not to. */
  readonly worker: (about?: {
    id?: string;
    token?: string;
    joins?: boolean;
    port?: number;
  }) => Promise<SlimeWorker>;
}

/** A hub with one group that lets agents of slime in, and the record of one. */
export async function slimeHere(config: Partial<HubConfig> = {}): Promise<SlimeHere> {
  const { url: redisUrl } = await redisHere();
  const group = uniqueGroup();
  const hub = await hubHere(redisUrl, group, { slime: true, ...config });
  const records = agentRecords(redisUrl);
  const token = await records.set('gpu', { group });
  return {
    ...{ hub, group, redisUrl, token, records },
    worker: async ({ joins = true, ...about } = {}) => {
      const worker = new SlimeWorker({ port: hub.port, token, ...about });
      if (joins) await worker.join();
      return worker;
    },
  };
}

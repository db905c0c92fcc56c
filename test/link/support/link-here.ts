import type { HubConfig } from '../../../router-core/hub/settings.ts';
import { agentRecords, type AgentRecords } from '../../support/agent-records.ts';
import { hubHere, redisHere } from '../../support/parts.ts';
import { uniqueGroup, type TestHub } from '../../support/router.ts';
import { waitFor } from '../../support/wait.ts';

export interface LinkHere {
  readonly hub: TestHub;
  readonly group: string;
  readonly redisUrl: string;
  /** A token of the agent record `gpu`. */
  readonly token: string;
  readonly records: AgentRecords;
}

/** A hub with one group and the record of an agent that may dial in. */
export async function linkHere(config: Partial<HubConfig> = {}): Promise<LinkHere> {
  const { url: redisUrl } = await redisHere();
  const group = uniqueGroup();
  const hub = await hubHere(redisUrl, group, config);
  const records = agentRecords(redisUrl);
  const token = await records.set('gpu', { group });
  await untilKnown(hub.url, token);
  return { hub, group, redisUrl, token, records };
}

/** The hub has read the record. */
export async function untilKnown(url: string, token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  const isKnown = async () => (await fetch(`${url}/_router/agent`, { headers })).ok;
  await waitFor(isKnown, { what: 'the hub to know the token' });
}

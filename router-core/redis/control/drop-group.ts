import type { Redis } from 'ioredis';
import { groupKeys } from '../scripts/keys.ts';
import { readLanes } from './live-groups.ts';
import { requestStreams } from '../scripts/request-streams.ts';
import { loadScript, runScript } from '../connection/run-script.ts';

const script = loadScript('drop-group');

/** Removes the keys of a group that is no longer configured. False while the group is still in use: the caller tries again. */
export async function dropGroup(client: Redis, group: string): Promise<boolean> {
  const keys = groupKeys(group);
  const [names = []] = await readLanes(client, [group]);
  const { waiting, lane } = requestStreams(keys, names);
  const streams = [...waiting, ...lane];
  const { instances, hubs, lanes, slots, agentSlots, permits, reports, settings, dead, log } = keys;
  const others = [lanes, slots, agentSlots, permits, reports, settings, dead, log];
  return (await runScript(client, script, [instances, hubs, ...streams, ...others], [streams.length])) === 1;
}

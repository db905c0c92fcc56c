import type { Redis } from 'ioredis';
import { groupKeys } from './keys.ts';
import { loadScript, runScript } from './scripts.ts';

const script = loadScript('drop-group');

/** Removes the keys of a group that is configured no more. False while somebody still uses it: to be tried again. */
export async function dropGroup(client: Redis, group: string): Promise<boolean> {
  const keys = groupKeys(group);
  const { instances, hubs, waiting, redelivery, lanes, slots, agentSlots, permits, reports, settings, dead } =
    keys;
  const used = [instances, hubs, waiting, redelivery, keys.lane('0')];
  const others = [lanes, slots, agentSlots, permits, reports, settings, dead];
  return (await runScript(client, script, [...used, ...others], [])) === 1;
}

import { NUDGE } from '../../exchange/frames.ts';
import type { Redis } from 'ioredis';
import { isServerError } from '../connection/connection.ts';
import { listOf } from '../connection/reply-shape.ts';
import { loadScript, runScript } from '../connection/run-script.ts';
import { scanKeys } from '../connection/scan-keys.ts';
import { callStore } from '../connection/store-call.ts';
import type { Store } from '../connection/store.ts';
import { CONFIG_KEYS, CONFIG_TAG, CONSUMER_GROUP, groupKeys, type GroupKeys } from '../scripts/keys.ts';
import { streamTtlMs } from '../scripts/times.ts';
import { redisNowMs } from './live-groups.ts';

const scripts = {
  group: loadScript('repair-group'),
  keys: loadScript('repair-keys'),
  consumers: loadScript('repair-consumers'),
};
/** Keys that one call looks at: Redis must never stand still for one group. */
const PIECE = 200;

/**
 * Rebuilds a group's state after somebody has tampered with its keys. Removes the rows of agents, which their next heartbeats
 * write again, keys that the router does not use or that have a wrong type, and consumers that own nothing. Asks every hub to
 * drop requests that no hub has sent (hub/drop-foreign.ts), which takes some seconds. Running requests go on. Repeatable. The
 * caller writes the settings.
 */
export async function repairGroup(
  store: Pick<Store, 'at' | 'masters'>,
  { name, leaseMs }: { readonly name: string; readonly leaseMs: number },
): Promise<void> {
  const keys = groupKeys(name);
  const { settings, instances, slots, agentSlots, reports, lanes, hubs, log } = keys;
  const connection = store.at(name, 'commands');
  await callStore(connection, (client) =>
    runScript(
      client,
      scripts.group,
      [settings, instances, slots, agentSlots, reports, lanes, hubs, log],
      [keys.prefix, leaseMs, NUDGE],
    ),
  );
  const found = await scanKeys(store, `${keys.prefix}*`);
  for (let at = 0; at < found.length; at += PIECE) {
    const piece = found.slice(at, at + PIECE);
    const args = [streamTtlMs(leaseMs), ...piece.flatMap((key) => kindOf(keys, key))];
    await callStore(connection, (client) => runScript(client, scripts.keys, [lanes, ...piece], args));
    const itsLanes = piece.filter((key) => LANE.test(key.slice(keys.prefix.length)));
    for (const lane of itsLanes) await callStore(connection, (client) => repairLane(client, lane));
  }
  await callStore(store.at(CONFIG_TAG, 'commands'), async (client) =>
    client.hset(CONFIG_KEYS.repairs, name, await redisNowMs(client)),
  );
}

/** Removes every foreign consumer group of a lane, and every consumer that owns nothing. */
async function repairLane(client: Redis, lane: string): Promise<void> {
  const groups = namesOf(await ifThere(client.xinfo('GROUPS', lane)));
  for (const group of groups.filter((name) => name !== CONSUMER_GROUP)) {
    await client.xgroup('DESTROY', lane, group);
  }
  const consumers = namesOf(await ifThere(client.xinfo('CONSUMERS', lane, CONSUMER_GROUP)));
  for (let at = 0; at < consumers.length; at += PIECE) {
    await runScript(client, scripts.consumers, [lane], consumers.slice(at, at + PIECE));
  }
}

/** Rows of XINFO: field, value, field, value, …; `name` is the first field. */
function namesOf(rows: unknown): string[] {
  return listOf(rows).map((row) => String(listOf(row)[1]));
}

/** Undefined when the lane has gone meanwhile, or has no consumer group. */
function ifThere(found: Promise<unknown>): Promise<unknown> {
  return found.catch((error: unknown) => {
    if (isServerError(error)) return [];
    throw error;
  });
}

const SCOPE = '[A-Za-z0-9._-]+';
const LANE = new RegExp(`^lane:(\\d{1,6}(?:\\+${SCOPE})*)$`);
const LINE = new RegExp(`^(?:waiting|redelivery):${SCOPE}$`);

/** Arguments of repair-keys.lua: the type that a key with this name must have, and its kind. */
function kindOf(keys: GroupKeys, key: string): [type: string, kind: string] {
  const { waiting, redelivery, dead, lanes, slots, agentSlots, reports, settings, log } = keys;
  if ([waiting, redelivery, dead].includes(key)) return ['stream', 'keep'];
  if ([lanes, slots, agentSlots, reports, settings, log].includes(key)) return ['hash', 'keep'];
  if ([keys.permits, keys.instances, keys.hubs].includes(key)) return ['zset', 'keep'];
  const rest = key.slice(keys.prefix.length);
  const lane = LANE.exec(rest)?.[1];
  if (lane !== undefined && lane.length <= 200) return ['stream', lane];
  if (LINE.test(rest)) return ['stream', 'keep'];
  return /^(?:up|down):/.test(rest) ? ['stream', 'request'] : ['none', 'keep'];
}

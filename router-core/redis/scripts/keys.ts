/**
 * Every key and channel of the router, in one table. `{g}` is the group's hash tag: all keys of one group live on one
 * shard, so one script may touch any of them.
 *
 * | key                            | type                      | what                                                    | lifetime |
 * |--------------------------------|---------------------------|---------------------------------------------------------|----------|
 * | `mr:{g}:lane:<n>`              | stream, group `agents`    | requests handed out; settling deletes: XLEN = handed out + running | persistent |
 * | `mr:{g}:waiting`               | stream                    | admitted, no slot free yet; oldest first                 | persistent |
 * | `mr:{g}:redelivery`            | stream                    | requeued by its agent, or taken from a lost one;  served before `waiting` | persistent |
 * | `mr:{g}:waiting:<scope>` `mr:{g}:redelivery:<scope>` | stream | the same, of requests that ask for a scope       | persistent |
 * | `mr:{g}:lanes`                 | hash lane → slots         | slots of the lane's live, healthy instances              | persistent |
 * | `mr:{g}:slots`                 | hash row → lane slots shares | what each instance adds to `lanes` and `agent-slots` | with the instance |
 * | `mr:{g}:permits`               | zset id:attempt → expiry  | every request handed out: the group's semaphore          | entries expire |
 * | `mr:{g}:instances`             | zset instance → expiry    | live instances                                           | entries expire |
 * | `mr:{g}:reports`               | hash instance → JSON      | what each instance reports of itself                     | with the instance |
 * | `mr:{g}:hubs`                  | zset hub → expiry         | live hubs: requests of a dead one are not started        | entries expire |
 * | `mr:{g}:settings`              | hash                      | concurrency, lease ms, paused; `agent:<record>` cap and state; version of the configuration they are from; beat, grace: when leases count; born: the epoch, when the data began | persistent |
 * | `mr:{g}:dead`                  | stream, capped            | requests given up after their last attempt: meta, method, target, last instance, why | capped |
 * | `mr:{g}:up:<id>`               | stream                    | frames hub → agent                                       | PEXPIRE, renewed by the heartbeat |
 * | `mr:{g}:down:<id>:<attempt>`   | stream                    | frames agent → hub                                       | PEXPIRE, renewed by the heartbeat; UNLINK when answered |
 * | `mr:{g}:agent-slots`           | hash agent record → slots | slots of all instances of a record together              | with the instances |
 * | `mr:{g}:log`                   | hash process, time → JSON | the last problems that each agent process has logged     | an hour after the last one |
 * | `mr:{g}:linked:<instance>`     | string                    | JSON: the agents that are linked to a relay, for operators | a minute |
 *
 * | key | type | what | lifetime |
 * |-----|------|------|----------|
 * | `mr:{agent:<id>}:group`        | string                    | JSON: which record and group the token of this id is for | with the token |
 * | `mr:{/config}:version`         | string                    | version of the configuration, raised by every write      | persistent |
 * | `mr:{/config}:groups` `…routes` `…apps` `…agents` `…admins` | hash name → JSON | the configuration; tokens as SHA-256 | persistent |
 * | `mr:{/config}:audit`           | stream, capped            | who changed what and when                                | capped |
 * | `mr:{/config}:used`            | hash token id → ms        | when a token was last used                               | with the token |
 * | `mr:{/config}:hubs`            | hash hub → JSON           | what each hub reports of itself                          | with the hub |
 * | `mr:{/config}:log`             | hash hub, time → JSON     | the last problems that each hub has logged               | an hour after the last one |
 * | `mr:{/config}:repairs`         | hash group → ms           | when a repair of the group was asked for                 | an hour |
 *
 * The tag `{/config}` keeps the configuration on one shard, so that one script changes it; no group can have that name.
 *
 * Sharded pub/sub channels (doorbells): `mr:{g}:hub:<hub>` and `mr:{g}:instance:<instance>`. Plain channel:
 * `mr:changes`, the new version of the configuration.
 */
export interface GroupKeys {
  readonly group: string;
  readonly prefix: string;
  readonly waiting: string;
  readonly redelivery: string;
  readonly lanes: string;
  readonly slots: string;
  readonly agentSlots: string;
  readonly permits: string;
  readonly instances: string;
  readonly reports: string;
  readonly hubs: string;
  readonly settings: string;
  readonly dead: string;
  readonly log: string;
  readonly lane: (lane: string) => string;
  readonly linked: (instance: string) => string;
  readonly up: (id: string) => string;
  readonly down: (id: string, attempt: number) => string;
  readonly hubChannel: (hub: string) => string;
  readonly instanceChannel: (instance: string) => string;
}

/** The consumer group of every lane. */
export const CONSUMER_GROUP = 'agents';

/** Keys of one group. `group` must match `[A-Za-z0-9._-]+`, which the command line checks. */
export function groupKeys(group: string): GroupKeys {
  const prefix = `mr:{${group}}:`;
  return {
    group,
    prefix,
    waiting: `${prefix}waiting`,
    redelivery: `${prefix}redelivery`,
    lanes: `${prefix}lanes`,
    slots: `${prefix}slots`,
    agentSlots: `${prefix}agent-slots`,
    permits: `${prefix}permits`,
    instances: `${prefix}instances`,
    reports: `${prefix}reports`,
    hubs: `${prefix}hubs`,
    settings: `${prefix}settings`,
    dead: `${prefix}dead`,
    log: `${prefix}log`,
    lane: (lane) => `${prefix}lane:${lane}`,
    linked: (instance) => `${prefix}linked:${instance}`,
    up: (id) => `${prefix}up:${id}`,
    down: (id, attempt) => `${prefix}down:${id}:${attempt}`,
    hubChannel: (hub) => `${prefix}hub:${hub}`,
    instanceChannel: (instance) => `${prefix}instance:${instance}`,
  };
}

/** The hash tag of the configuration. */
export const CONFIG_TAG = '/config';

const CONFIG_PREFIX = `mr:{${CONFIG_TAG}}:`;

export const CONFIG_KEYS = {
  version: `${CONFIG_PREFIX}version`,
  audit: `${CONFIG_PREFIX}audit`,
  used: `${CONFIG_PREFIX}used`,
  hubs: `${CONFIG_PREFIX}hubs`,
  repairs: `${CONFIG_PREFIX}repairs`,
  log: `${CONFIG_PREFIX}log`,
  linkKey: `${CONFIG_PREFIX}link-key`,
} as const;

/** The hash of one kind of object: `list` is its plural. */
export const configKey = (list: string): string => `${CONFIG_PREFIX}${list}`;

export const CHANGES_CHANNEL = 'mr:changes';

/** The hash tag of a key or channel: keys with the same one are on the same server. */
export function tagOf(key: string): string {
  return key.slice(key.indexOf('{') + 1, key.indexOf('}'));
}

/** The key that holds the agent record of the token with this id. */
export const agentCardKey = (tokenId: string): string => `mr:{agent:${tokenId}}:group`;

/** Finds the cards of all agents' tokens. */
export const AGENT_CARD_PATTERN = 'mr:{agent:*}:group';

/** Keys of one app's limits. */
export function appKeys(app: string): { permits: string; rate: string } {
  const prefix = `mr:{app:${app}}:`;
  return { permits: `${prefix}permits`, rate: `${prefix}rate` };
}

/** Finds all groups that have ever been served: one settings hash each. */
export const SETTINGS_PATTERN = 'mr:{*}:settings';

/** The group in the name of a settings key. */
export function groupOfSettingsKey(key: string): string {
  return key.slice('mr:{'.length, -'}:settings'.length);
}

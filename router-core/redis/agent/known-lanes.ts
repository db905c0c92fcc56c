import type { Redis } from 'ioredis';
import type { GroupKeys } from '../scripts/keys.ts';
import { endOfLane, groupScript, scopesOf, splitLanes, type GroupScript } from '../scripts/script-keys.ts';
import { FIRST_RELAY_LANE, isLaneName } from '../scripts/lane-names.ts';
import { loadScript, runScript } from '../connection/run-script.ts';

const script = loadScript('join');

/**
 * The lanes that an instance may join. More readers that wait for one lane would slow down each request that is handed to it; a
 * relay has one to itself.
 */
const KINDS = {
  shared: { first: 0, count: FIRST_RELAY_LANE, mostInstances: 8 },
  relay: { first: FIRST_RELAY_LANE, count: 1_000_000 - FIRST_RELAY_LANE, mostInstances: 1 },
} as const;

export type LaneKind = keyof typeof KINDS;

/** Lanes of other scopes that an instance's scripts look at in one call. */
const MOST_OTHERS = 8;

/**
 * The lanes of a group as an instance knows them. What its requests free of the group's limit belongs to the oldest in line,
 * who may need a lane of other scopes: so its scripts are told of some of these, too, and with each heartbeat of others.
 */
export class KnownLanes {
  readonly #keys: GroupKeys;
  readonly #end: string;
  readonly #kind: LaneKind;
  #own: string;
  #count = 0;
  /** Lanes of other scopes, in parts. */
  #others: readonly string[][] = [[]];
  #turn = 0;
  #script: GroupScript;

  constructor(keys: GroupKeys, scopes: readonly string[], kind: LaneKind) {
    this.#keys = keys;
    this.#end = endOfLane(scopes);
    this.#kind = kind;
    this.#own = this.#firstLane;
    this.#script = groupScript(keys, [this.#own]);
  }

  /** The lane from which the instance pulls. */
  get own(): string {
    return this.#own;
  }

  /** Finds a place for a new instance. Rejects when Redis is away. */
  async join(client: Redis, instance: string, leaseMs: number): Promise<void> {
    const { slots, lanes, instances } = this.#keys;
    const { first, count, mostInstances } = KINDS[this.#kind];
    const args = [instance, this.#end, mostInstances, leaseMs, first, count];
    const lane = await runScript(client, script, [slots, lanes, instances], args);
    // Another name than its own group's cannot be pulled from; the first lane of its scopes always can.
    this.#own = isLaneName(lane) && lane.endsWith(this.#end) ? lane : this.#firstLane;
    this.#script = groupScript(this.#keys, [this.#own]);
  }

  get #firstLane(): string {
    return `${KINDS[this.#kind].first}${this.#end}`;
  }

  /** How many there are, the own one included; 0 until a heartbeat has told. */
  get count(): number {
    return this.#count;
  }

  /** Takes all lanes as a heartbeat has found them; none when there are as many as before. */
  set(found: readonly string[]): void {
    if (found.length > 0) {
      this.#count = found.length;
      const others = found.filter((lane) => endOfLane(scopesOf(lane)) !== this.#end).sort();
      this.#others = splitLanes(others, MOST_OTHERS);
    } else if (this.#others.length === 1) return;
    const part = this.#others[this.#turn++ % this.#others.length] ?? [];
    this.#script = groupScript(this.#keys, [this.#own, ...part]);
  }

  /** What scripts are told; the own lane is the first. */
  get script(): GroupScript {
    return this.#script;
  }
}

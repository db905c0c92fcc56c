import type { Redis } from 'ioredis';
import type { GroupKeys } from '../scripts/keys.ts';
import { endOfLane, groupScript, scopesOf, splitLanes, type GroupScript } from '../scripts/script-keys.ts';
import { FIRST_RELAY_LANE, isLaneName } from '../scripts/lane-names.ts';
import { loadScript, runScript } from '../connection/run-script.ts';

const script = loadScript('join');

/**
 * The lanes that an instance may join. More blocked readers of one lane would slow down each request that is handed to it. A
 * relay has a lane to itself.
 */
const KINDS = {
  shared: { first: 0, count: FIRST_RELAY_LANE, mostInstances: 8 },
  relay: { first: FIRST_RELAY_LANE, count: 1_000_000 - FIRST_RELAY_LANE, mostInstances: 1 },
} as const;

export type LaneKind = keyof typeof KINDS;

/** Lanes of other scopes that one script call of an instance looks at. */
const MOST_OTHERS = 8;

/**
 * The lanes of a group that an instance knows. When its requests release room under the group's limit, the oldest request in
 * line gets it, which may need a lane of other scopes. So the instance's scripts get some of those lanes, too, and others with
 * each heartbeat.
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

  /** Finds a lane for a new instance. Rejects when Redis is away. */
  async join(client: Redis, instance: string, leaseMs: number): Promise<void> {
    const { slots, lanes, instances } = this.#keys;
    const { first, count, mostInstances } = KINDS[this.#kind];
    const args = [instance, this.#end, mostInstances, leaseMs, first, count];
    const lane = await runScript(client, script, [slots, lanes, instances], args);
    // A name of other scopes cannot be pulled from; the first lane of its own scopes always can.
    this.#own = isLaneName(lane) && lane.endsWith(this.#end) ? lane : this.#firstLane;
    this.#script = groupScript(this.#keys, [this.#own]);
  }

  get #firstLane(): string {
    return `${KINDS[this.#kind].first}${this.#end}`;
  }

  /** The number of lanes, the own one included; 0 before the first heartbeat. */
  get count(): number {
    return this.#count;
  }

  /** Takes all lanes from a heartbeat; an empty list means that their number has not changed. */
  set(found: readonly string[]): void {
    if (found.length > 0) {
      this.#count = found.length;
      const others = found.filter((lane) => endOfLane(scopesOf(lane)) !== this.#end).sort();
      this.#others = splitLanes(others, MOST_OTHERS);
    } else if (this.#others.length === 1) return;
    const part = this.#others[this.#turn++ % this.#others.length] ?? [];
    this.#script = groupScript(this.#keys, [this.#own, ...part]);
  }

  /** The lanes for the next script call; the own lane is the first. */
  get script(): GroupScript {
    return this.#script;
  }
}

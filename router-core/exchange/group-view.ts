/** One group as a hub sees it. */
export interface GroupView {
  /** Requests that may wait in all lines together. */
  readonly depth: number;
  /** Requests of this hub that were admitted and have no outcome. */
  readonly inFlight: number;
  readonly lastSweep: LastSweep;
  readonly counts: SweepCounts;
  /** Why the group is not served for a while: there is more in the store than a hub can bear. Undefined: it is served. */
  readonly fault: string | undefined;
  /** Whether there may be agents that carry this scope. */
  hasScope(scope: string): boolean;
}

/** What the last sweep of a group found. */
export interface LastSweep {
  /** Live instances of the group. */
  readonly instances: number;
  /** Requests that waited for a slot. */
  readonly inLine: number;
  /** Live hubs. */
  readonly hubs: number;
  readonly capacity: GroupCapacity;
}

/** Why a request may have to wait. */
export interface GroupCapacity {
  /** Of all instances that take requests, and how many requests have one. */
  readonly slots: number;
  readonly taken: number;
  /** Requests that may run at once; 0 = no limit. And those that do. */
  readonly limit: number;
  readonly permits: number;
  readonly isPaused: boolean;
  /** Instances by what they say of themselves; only counted when somebody waits or there is no slot. */
  readonly ready: number;
  readonly upstreamDown: number;
  readonly paused: number;
  readonly draining: number;
}

/**
 * What has become of a request that a sweep has taken from a lost agent. moved = runs again, returned = nobody had pulled it and
 * it is in line again, lost = may have run and must not again, exhausted = no attempt left, dropped = nobody awaits it.
 */
export type OrphanOutcome = 'moved' | 'returned' | 'lost' | 'exhausted' | 'dropped';

/** What the sweeps of a group have done since it is served here. */
export type SweepCounts = Readonly<Record<'sweeps' | 'failures' | OrphanOutcome, number>>;

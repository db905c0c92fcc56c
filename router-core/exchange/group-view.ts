/** One group as a hub sees it. */
export interface GroupView {
  /** Requests that may wait in all lines together. */
  readonly depth: number;
  /** Requests of this hub that were admitted and have no outcome. */
  readonly inFlight: number;
  readonly lastSweep: LastSweep;
  readonly counts: SweepCounts;
  /**
   * The reason why the group is not served for a while: the store holds more of it than a hub can bear. Undefined: it is
   * served.
   */
  readonly fault: string | undefined;
  /** True when agents with this scope may exist. */
  hasScope(scope: string): boolean;
}

/** The findings of the last sweep of a group. */
export interface LastSweep {
  /** Live instances of the group. */
  readonly instances: number;
  /** Requests that waited for a slot. */
  readonly inLine: number;
  /** Live hubs. */
  readonly hubs: number;
  readonly capacity: GroupCapacity;
}

/** The numbers that say why a request waits. */
export interface GroupCapacity {
  /** Slots of all instances that take requests; requests that have one. */
  readonly slots: number;
  readonly taken: number;
  /** Requests that may run at once (0 = no limit); requests that run. */
  readonly limit: number;
  readonly permits: number;
  readonly isPaused: boolean;
  /** Instances by the state that they report; counted only when requests wait or there is no slot. */
  readonly ready: number;
  readonly upstreamDown: number;
  readonly paused: number;
  readonly draining: number;
}

/**
 * The outcome of a request that a sweep has taken from a lost agent. moved = runs again, returned = nobody had pulled it and
 * it is in line again, lost = may have run and must not run again, exhausted = no attempt left, dropped = nobody awaits it.
 */
export type OrphanOutcome = 'moved' | 'returned' | 'lost' | 'exhausted' | 'dropped';

/** The outcomes of all sweeps of a group since this hub serves it. */
export type SweepCounts = Readonly<Record<'sweeps' | 'failures' | OrphanOutcome, number>>;

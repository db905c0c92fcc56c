import type { GroupRoute } from '../config/flag-route.ts';

/** The report of a hub to operators. */
export interface HubReport {
  /** Name of the machine. */
  readonly name: string;
  readonly version: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** The address on which it listens. */
  readonly address: string;
  /** Version of the configuration that it has applied. */
  readonly configVersion: number;
  readonly inFlight: number;
  /** Its --group flags. */
  readonly flagRoutes: readonly GroupRoute[];
  readonly groups: Readonly<Record<string, GroupTraffic>>;
}

/** One group's traffic at one hub. */
export interface GroupTraffic {
  /** Replies since the hub started. */
  readonly served: number;
  /** Replies per second, lately. */
  readonly perSecond: number;
  readonly inFlight: number;
  /** Times from head to outcome of the requests of about the last twenty seconds; omitted when there were none. */
  readonly times?: RecentTimes | undefined;
  /** Counts of the same requests; `failed`: status 500 or more. */
  readonly outcomes?: { readonly ended: number; readonly failed: number } | undefined;
  /** The reason why the group is not served; omitted when it is. */
  readonly fault?: string | undefined;
  readonly sums?: RecentTimes | undefined;
}

/**
 * Numbers of requests by the upper bound of their bucket in ms, the last one `Infinity`. Bounds are named, so that reports of
 * versions with other bounds can be added up. Empty buckets are omitted.
 */
export type RecentTimes = Readonly<Record<string, number>>;

export interface RecentGrowth {
  readonly times: RecentTimes;
  /** The sum of the times in each bucket, ms. Hubs of older versions omit it. */
  readonly sums?: RecentTimes | undefined;
}

import type { GroupRoute } from '../config/flag-route.ts';

/** What a hub says of itself, as operators see it. */
export interface HubReport {
  /** Of the machine. */
  readonly name: string;
  readonly version: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Where it listens. */
  readonly address: string;
  /** Version of the configuration that it follows. */
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
  /** From head to outcome, of the requests of the last twenty seconds or so; left out when there were none. */
  readonly times?: RecentTimes | undefined;
  /** Of the same requests, and how many got a status of 500 or more. */
  readonly outcomes?: { readonly ended: number; readonly failed: number } | undefined;
  /** Why the group is not served; left out when it is. */
  readonly fault?: string | undefined;
  readonly sums?: RecentTimes | undefined;
}

/**
 * How many requests took so long: by the upper bound of the bucket, ms, the last one `Infinity`. Bounds are named, so that
 * hubs of versions with others can be added up; buckets in which nothing was counted are left out.
 */
export type RecentTimes = Readonly<Record<string, number>>;

export interface RecentGrowth {
  readonly times: RecentTimes;
  /** How long those of each bucket took together, ms. Hubs of older versions do not say. */
  readonly sums?: RecentTimes | undefined;
}

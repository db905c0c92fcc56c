import type { ConfigState } from '../../config/config-state.ts';
import type { GroupTraffic } from '../../exchange/hub-report.ts';
import { readHubReports, type HubReport } from './hub-reports.ts';
import { CONFIG_TAG, groupOfSettingsKey, SETTINGS_PATTERN } from '../scripts/keys.ts';
import { latencyOf, type Latency } from '../hub/latency.ts';
import { readLiveGroups, type LiveGroup } from './live-groups.ts';
import { scanKeys } from '../connection/scan-keys.ts';
import type { Store } from '../connection/store.ts';
import { callByNode, callStore } from '../connection/store-call.ts';

export interface LiveStatus {
  readonly hubs: readonly (HubReport & { id: string })[];
  readonly groups: readonly (LiveGroup & GroupPace & { configured: boolean; paused: boolean })[];
}

/** The recent numbers of all hubs together. */
interface GroupPace extends Latency {
  readonly perSecond: number;
  /** 0 to 1, of the requests that ended lately; null when none has. */
  readonly errorRate: number | null;
}

/** A group that is not configured, but that an agent or a hub uses, is found within this time. */
const SCAN_MS = 2_000;

/** Reads the hubs, groups and instances that are live. */
export class LiveStatusReader {
  #scanned: string[] = [];
  #scannedAt = -Infinity;

  async read(store: Store, state: ConfigState): Promise<LiveStatus> {
    const [hubs, found] = await Promise.all([
      callStore(store.at(CONFIG_TAG, 'commands'), readHubReports),
      this.#scan(store),
    ]);
    const reported = [...hubs.values()].flatMap(({ groups }) => Object.keys(groups));
    // At version 0 the groups are those of the hubs' flags, and the one of a fresh install only if hubs report it.
    const configured = state.version === 0 ? [] : [...state.groups.keys()];
    const names = [...new Set([...configured, ...reported, ...found])].sort();
    const groups = await callByNode(store, names, readLiveGroups);
    return {
      hubs: [...hubs].map(([id, report]) => ({ id, ...report })),
      groups: groups
        .flat()
        .sort(byName)
        .map((group) => {
          const { paused = false } = state.groups.get(group.name) ?? {};
          const traffic = [...hubs.values()].flatMap((hub) => hub.groups[group.name] ?? []);
          const perSecond = traffic.reduce((sum, each) => sum + each.perSecond, 0);
          const latency = latencyOf(traffic.flatMap(({ times, sums }) => (times ? [{ times, sums }] : [])));
          const pace = { perSecond, ...latency, errorRate: errorRateOf(traffic) };
          return { ...group, configured: state.groups.has(group.name), paused, ...pace };
        }),
    };
  }

  /** SCAN walks every key, those of requests included, so it does not run with every call. */
  async #scan(store: Store): Promise<string[]> {
    if (performance.now() - this.#scannedAt < SCAN_MS) return this.#scanned;
    this.#scanned = (await scanKeys(store, SETTINGS_PATTERN)).map(groupOfSettingsKey);
    this.#scannedAt = performance.now();
    return this.#scanned;
  }
}

function errorRateOf(traffic: readonly GroupTraffic[]): number | null {
  const sum = (part: 'ended' | 'failed') =>
    traffic.reduce((total, { outcomes }) => total + (outcomes?.[part] ?? 0), 0);
  const ended = sum('ended');
  return ended === 0 ? null : sum('failed') / ended;
}

function byName(a: LiveGroup, b: LiveGroup): number {
  return a.name < b.name ? -1 : 1;
}

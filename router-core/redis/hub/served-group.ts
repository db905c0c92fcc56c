import type { Redis } from 'ioredis';
import { sleep } from '../../runtime/backoff.ts';
import type { Logger } from '../../runtime/logger.ts';
import { retry } from '../../runtime/retry.ts';
import { isServerError, type Connection } from '../connection/connection.ts';
import { dropForeign } from './drop-foreign.ts';
import { GroupHealth } from './group-health.ts';
import { GroupQueue } from './group-queue.ts';
import type { ServedSettings } from '../../config/group-settings.ts';
import type { GroupView, OrphanOutcome } from '../../exchange/group-view.ts';
import { publishGroupSettings } from '../config/publish-group-settings.ts';
import { groupKeys } from '../scripts/keys.ts';
import { NO_SWEEP, sweepGroup, type SweepReport, type Swept } from './sweep.ts';
import { hubLeaseMs, sweepMs } from '../scripts/times.ts';

/** Settings are written again after so many sweeps, because agents can write them. */
const PUBLISH_EVERY = 10;

export interface ServedGroupOptions {
  readonly hub: string;
  readonly commands: Connection;
  readonly settings: ServedSettings;
  /** Version of the configuration that the settings are from. */
  readonly version: number;
  /** Reads the current version of the configuration. */
  readonly newestVersion: () => Promise<number>;
  /** True when this hub has the request. */
  readonly knows: (id: string) => boolean;
  /** The live hubs, by their reports. */
  readonly liveHubs: () => Promise<ReadonlySet<string>>;
  /** Called when the group has left the configuration and its last request is answered. */
  readonly onRetired: () => void;
  /** Other hubs have taken this one for dead: its requests may have been stopped and dropped. */
  readonly onAbsence: () => void;
  readonly log: Logger;
}

/** One group at one hub: its queue, its settings, and the sweep that finds the requests of lost agents. */
export class ServedGroup implements GroupView {
  readonly queue: GroupQueue;
  readonly health: GroupHealth;
  readonly counts: Record<'sweeps' | 'failures' | OrphanOutcome, number> = {
    sweeps: 0,
    failures: 0,
    moved: 0,
    returned: 0,
    lost: 0,
    exhausted: 0,
    dropped: 0,
  };
  readonly #options: ServedGroupOptions;
  readonly #closing = new AbortController();
  #settings: ServedSettings;
  #version: number;
  #retired = false;
  #isPublished = false;
  #isRepairDue = false;
  #lastSweep: Swept = NO_SWEEP;

  constructor(options: ServedGroupOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#version = options.version;
    const { hub, commands, settings, log } = options;
    const limits = () => this.#settings;
    this.health = new GroupHealth(settings.name, log);
    const onFailed = (error: unknown) => this.health.failed(error);
    this.queue = new GroupQueue({ keys: groupKeys(settings.name), hub, commands, limits, onFailed, log });
    this.publish();
    void this.#sweepForEver();
  }

  /** The client of the server that has its keys now. */
  get client(): Redis | undefined {
    return this.#options.commands.client;
  }

  /** The findings of the last sweep. */
  get lastSweep(): Swept {
    return this.#lastSweep;
  }

  get depth(): number {
    return this.#settings.queueDepth;
  }

  get inFlight(): number {
    return this.queue.inFlight;
  }

  get fault(): string | undefined {
    return this.health.fault;
  }

  hasScope(scope: string): boolean {
    return this.queue.hasScope(scope);
  }

  /** Takes new settings; they apply from the next request on. */
  update(settings: ServedSettings, version: number): void {
    this.#settings = settings;
    this.#version = version;
    this.#retired = false;
    this.publish();
  }

  /** The group has left the configuration: it is served until its last request is answered. */
  retire(): void {
    this.#retired = true;
  }

  /** Writes the settings for the group's scripts and agents. When that fails, it is tried again after the next sweep. */
  publish(): void {
    const { client } = this.#options.commands;
    this.#isPublished = false;
    if (!client || this.#retired) return;
    const settings = this.#settings;
    const { newestVersion: newest } = this.#options;
    publishGroupSettings(client, { settings, version: this.#version, newest }).then(
      () => (this.#isPublished = settings === this.#settings),
      (error: unknown) => {
        this.#options.log.debug({ err: error, group: settings.name }, 'could not publish settings');
      },
    );
  }

  /** Drops requests that no hub has sent, after the next sweep. */
  repair(): void {
    this.#isRepairDue = true;
  }

  close(): void {
    this.#closing.abort();
    this.queue.close();
  }

  #wasAbsent(silentMs: number): void {
    const { log, settings, onAbsence } = this.#options;
    log.warn(
      { group: settings.name, ms: silentMs },
      'this hub stood still, or was cut off: checking its requests',
    );
    onAbsence();
  }

  async #sweepForEver(): Promise<void> {
    const { log, onRetired } = this.#options;
    const { signal } = this.#closing;
    const onFailure = (err: unknown) => {
      this.counts.failures += 1;
      this.health.failed(err);
      // The sweep may have found data that it cannot read.
      if (isServerError(err)) this.publish();
      log.debug({ err, group: this.#settings.name }, 'sweep failed, trying again');
    };
    const sweep = () => this.#sweepUnlessRetired(signal);
    for (;;) {
      const swept = await retry(sweep, { signal, minMs: 200, maxMs: 2_000, onFailure });
      if (swept === undefined) return;
      if (swept === 'retired') return onRetired();
      if (swept.hasMore) continue;
      // Requests that were requeued may go to other lanes, and recover.lua gets only one.
      if (swept.recovered.some(({ outcome }) => outcome === 'moved' || outcome === 'returned')) continue;
      // Jitter keeps several hubs from sweeping in step.
      await sleep(sweepMs(this.#settings.leaseMs) * (0.9 + 0.2 * Math.random()), signal);
    }
  }

  /** Undefined when there will be no connection any more. */
  async #sweepUnlessRetired(signal: AbortSignal): Promise<SweepReport | 'retired' | undefined> {
    const { commands, hub } = this.#options;
    const keys = groupKeys(this.#settings.name);
    const client = await commands.ready(signal);
    if (!client) return undefined;
    if (this.#retired && this.queue.inFlight === 0) {
      await client.zrem(keys.hubs, hub);
      return 'retired';
    }
    // A faulty group is left alone until its pause is over.
    while (this.health.pauseMs > 0 && !this.#retired && !signal.aborted)
      await sleep(this.health.pauseMs, signal);
    const { leaseMs } = this.#settings;
    const report = await sweepGroup({ client, keys, queue: this.queue, hub, leaseMs });
    this.#take(report, leaseMs);
    if (this.#isRepairDue) await this.#dropForeign(client);
    return report;
  }

  #take(report: SweepReport, leaseMs: number): void {
    const { log, settings } = this.#options;
    // The settings went with the data, even if Redis was never away.
    const isDue = this.counts.sweeps % PUBLISH_EVERY === PUBLISH_EVERY - 1;
    if (isDue || !this.#isPublished || report.epoch !== this.#lastSweep.epoch) this.publish();
    // By the clock of Redis: this process may have been suspended together with its own clock.
    const silentMs = report.at - this.#lastSweep.at;
    if (this.counts.sweeps > 0 && report.leasesCount && silentMs > hubLeaseMs(leaseMs))
      this.#wasAbsent(silentMs);
    this.#lastSweep = report;
    this.health.swept(report.tookMs);
    this.counts.sweeps += 1;
    for (const orphan of report.recovered) {
      this.counts[orphan.outcome] += 1;
      log.warn({ group: settings.name, ...orphan }, 'took a request from a lost agent');
    }
  }

  async #dropForeign(client: Redis): Promise<void> {
    const { hub, knows, liveHubs, log } = this.#options;
    const { lanes } = this.queue;
    const keys = groupKeys(this.#settings.name);
    const dropped = await dropForeign({ client, keys, lanes, hub, knows, liveHubs });
    this.#isRepairDue = false;
    const level = dropped === 0 ? 'debug' : 'warn';
    log[level]({ group: this.#settings.name, dropped }, 'repaired the group: dropped what no hub has sent');
  }
}

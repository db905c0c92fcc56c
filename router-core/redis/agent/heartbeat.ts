import type { Redis } from 'ioredis';
import { sleep } from '../../runtime/backoff.ts';
import type { Logger } from '../../runtime/logger.ts';
import { retry } from '../../runtime/retry.ts';
import type { Grant, InstanceReport } from '../../exchange/agent-link.ts';
import type { RecordGrant, RecordShare } from '../../exchange/relay-link.ts';
import { isServerError, RETRY_MS, type Connection } from '../connection/connection.ts';
import type { GroupKeys } from '../scripts/keys.ts';
import { callBeat, type BeatCall } from './beat.ts';
import type { BeatReply } from './beat-reply.ts';
import { batchesOf, type HeldRequest, type HeldRequests } from './held-requests.ts';
import type { KnownLanes } from './known-lanes.ts';
import type { RecordParts } from './record-parts.ts';
import type { Renewals } from './renewals.ts';
import { heartbeatMs, streamTtlMs } from '../scripts/times.ts';

export interface HeartbeatOptions {
  readonly connection: Connection;
  readonly keys: GroupKeys;
  /** The lanes that its scripts get; each beat updates them. */
  readonly lanes: KnownLanes;
  readonly instance: string;
  /** The rows of its shares. */
  readonly parts: RecordParts;
  /** The grants of the group, one per share; called with every beat. */
  readonly onGrants: (grants: readonly RecordGrant[]) => void;
  readonly report: () => Offer;
  readonly held: HeldRequests;
  /** Shared by all instances of the process. */
  readonly renewals: Renewals;
  /** Called after each beat and each renewal. */
  readonly onBeat: () => void;
  readonly log: Logger;
}

/** The offer of an instance. Without an agent record, it is one share of the record `-`. */
export interface Offer {
  readonly shares: readonly RecordShare[];
  /** Operators are shown the agents behind a relay instead of the relay. */
  readonly report: InstanceReport & { readonly relay?: boolean };
}

const DEFAULT_LEASE_MS = 6_000;

/**
 * Keeps an instance registered and its requests leased: a beat every third of the lease at most. While nothing runs and
 * nothing changes, it is renewed together with the other instances of its process instead.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #closing = new AbortController();
  #leaseMs = DEFAULT_LEASE_MS;
  /** When the last beat ran, by Redis's clock: its answer may have come much later. */
  #lastBeatAt = 0;
  /** Redis ms minus this process's monotonic ms. */
  #clockOffset = 0;
  #running: Promise<void> | undefined;
  /** Begins when the running beat has ended; all callers until then share it. */
  #next: Promise<void> | undefined;
  #renewsNext = false;
  /** The report of the last beat and the version in its reply, when a renewal may replace the next beats. */
  #quiet: { readonly said: string; readonly version: string } | undefined;
  /**
   * Requests that Redis forgot when it lost its data. It will not know them again, and no other instance has them. Until the
   * given time their hubs may still be reconnecting.
   */
  readonly #unknownToStore = new WeakMap<HeldRequest, number>();

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** The group's lease, as of the last beat. */
  get leaseMs(): number {
    return this.#leaseMs;
  }

  get streamTtlMs(): number {
    return streamTtlMs(this.#leaseMs);
  }

  /** Redis's clock, as of the last beat. */
  redisNow(): number {
    return performance.now() + this.#clockOffset;
  }

  /** Starts beating. */
  start(): void {
    void this.#beatForEver();
  }

  /** Beats now; changed slots take effect with it. With `renews`, requests are renewed as well. Rejects when Redis is away. */
  beat({ renews = false } = {}): Promise<void> {
    this.#renewsNext ||= renews;
    return (this.#next ??= this.#beatNext());
  }

  /** One beat at a time, and the last one sends the newest report. */
  async #beatNext(): Promise<void> {
    await this.#running?.catch(() => undefined);
    this.#next = undefined;
    const renews = this.#renewsNext;
    this.#renewsNext = false;
    this.#running = this.#beatOnce(renews ? batchesOf(this.#options.held) : []);
    return this.#running.finally(() => (this.#running = undefined));
  }

  close(): void {
    this.#closing.abort();
  }

  async #beatForEver(): Promise<void> {
    const { signal } = this.#closing;
    const renewOrBeat = async () => {
      if (!(await this.#renew())) await this.beat({ renews: true });
      this.#options.onBeat();
    };
    const onFailure = (error: unknown) => {
      this.#options.log.debug({ err: error }, 'heartbeat failed, trying again');
      // The login is for another group now.
      if (isServerError(error) && error.message.startsWith('NOPERM')) {
        const { shares } = this.#options.report();
        this.#options.onGrants(shares.map(({ record }) => ({ record, slots: 0, state: 'moved' })));
      }
    };
    while (!signal.aborted) {
      await retry(renewOrBeat, { signal, minMs: RETRY_MS, maxMs: 1_000, onFailure });
      await sleep(untilNextBeat(heartbeatMs(this.#leaseMs)), signal);
    }
  }

  /** Resolves with false when a beat is needed. */
  async #renew(): Promise<boolean> {
    const { connection, keys, lanes, instance, held, report, renewals } = this.#options;
    const { client } = connection;
    const quiet = this.#quiet;
    if (!client || !quiet || this.#running || held.size > 0) return false;
    if (JSON.stringify(report()) !== quiet.said) return false;
    const sentAt = performance.now();
    const renewed = await renewals.renew({
      client,
      keys,
      version: quiet.version,
      laneCount: lanes.count,
      instance,
      patienceMs: heartbeatMs(this.#leaseMs) / 2,
    });
    if (!renewed) return false;
    this.#learn(renewed, sentAt);
    lanes.set([]);
    return true;
  }

  /** Stores the clock and the lease of a reply. */
  #learn({ now, leaseMs }: { now: number; leaseMs: number }, sentAt: number): void {
    this.#clockOffset = now - (sentAt + performance.now()) / 2;
    this.#leaseMs = leaseMs;
    this.#lastBeatAt = now;
  }

  async #beatOnce(batches: readonly HeldRequest[][]): Promise<void> {
    const { connection, parts, held, onGrants } = this.#options;
    this.#quiet = undefined;
    const client = await connection.ready(this.#closing.signal);
    if (!client) return;
    const said = this.#options.report();
    const { report, shares } = said;
    const split = parts.split(shares);
    const grants = new Map<string, Grant>();
    let version = '';
    // More requests than parts: the first part is written again with each batch.
    for (let i = 0; i < Math.max(split.length, batches.length); i++) {
      const part = i < split.length ? i : 0;
      const its = { part, shares: split[part] ?? [], report };
      // A request that was settled meanwhile would look like one that was taken away.
      const batch = (batches[i] ?? []).filter((request) => held.has(request));
      let beat = await this.#call(client, { ...its, batch, goesOn: false });
      while (beat.hasMore) beat = await this.#call(client, { ...its, batch: [], goesOn: true });
      its.shares.forEach(({ record }, at) => grants.set(record, beat.grants[at] ?? NOTHING));
      version = beat.version;
      if (i === split.length - 1)
        onGrants(shares.map(({ record }) => ({ record, ...(grants.get(record) ?? NOTHING) })));
    }
    const hasAll = shares.every(({ record, slots }) => {
      const grant = grants.get(record);
      return grant?.state === 'active' && grant.slots === slots;
    });
    // A renewal renews one row.
    if (hasAll && held.size === 0 && split.length === 1)
      this.#quiet = { said: JSON.stringify(said), version };
  }

  async #call(
    client: Redis,
    about: Pick<BeatCall, 'part' | 'shares' | 'report' | 'batch' | 'goesOn'>,
  ): Promise<BeatReply> {
    const { keys, lanes, instance, held } = this.#options;
    const sentAt = performance.now();
    const beat = await callBeat(client, { keys, lanes, instance, streamTtlMs: this.streamTtlMs, ...about });
    const { now, leaseMs } = beat;
    // Registered less than a lease ago and yet unknown: Redis has lost its data, so no other instance can have our requests.
    const storeWasEmptied = about.part === 0 && beat.joined && now - this.#lastBeatAt < leaseMs;
    this.#learn({ now, leaseMs }, sentAt);
    lanes.set(beat.lanes);
    if (storeWasEmptied) {
      const hubsDueAt = performance.now() + leaseMs;
      for (const request of held.values()) this.#unknownToStore.set(request, hubsDueAt);
    }
    about.batch.forEach((request, i) => this.#tell(request, beat.fates[i]));
    return beat;
  }

  #tell(request: HeldRequest, fate: unknown): void {
    const now = performance.now();
    const hubDueAt = this.#unknownToStore.get(request);
    // Its hub has ended it, and the reset was lost with the data of Redis.
    const isOver = now > request.expiresAt + this.#leaseMs;
    if (isOver) request.onTaken('over');
    else if (fate === 'abandoned') request.onTaken('abandoned');
    else if (fate && hubDueAt === undefined) request.onTaken('lost');
    else if (fate === 'gone' && now > (hubDueAt ?? 0)) request.onTaken('over');
  }
}

const NOTHING: Grant = { slots: 0, state: 'unknown' };

/**
 * Instances that started together, or got Redis back together, must not go on beating together: a thousand beats at once hold
 * up every request for some 50 ms. Those of one process share some dozen ticks, because renewals one by one would cost twice
 * as much.
 */
function untilNextBeat(mostMs: number): number {
  const tickMs = mostMs / 20;
  const at = performance.now() + mostMs * (0.8 + 0.2 * Math.random());
  return at - (at % tickMs) - performance.now();
}

import { badInput } from '../../runtime/bad-input.ts';
import { sleep } from '../../runtime/backoff.ts';
import type { Logger } from '../../runtime/logger.ts';
import { retry } from '../../runtime/retry.ts';
import type { Grant, InstanceReport } from '../../exchange/agent-link.ts';
import { isServerError, RETRY_MS, type Connection } from '../connection/connection.ts';
import type { GroupKeys } from '../scripts/keys.ts';
import type { KnownLanes } from './known-lanes.ts';
import type { Renewals } from './renewals.ts';
import { BadReplyError, leaseOf, listOf, textOf, wholeOf, wordOf } from '../connection/reply-shape.ts';
import { loadScript, runScript } from '../connection/run-script.ts';
import { laneNames } from '../scripts/lane-names.ts';
import { heartbeatMs, streamTtlMs } from '../scripts/times.ts';

/**
 * Why the call of a request should stop: it is not ours any more (lost), its hub has not been heard of (abandoned), or it is over
 * and Redis knows nothing of it (over).
 */
export type TakenReason = 'lost' | 'abandoned' | 'over';

/** A pulled request whose lease the heartbeat renews. */
export interface HeldRequest {
  readonly id: string;
  readonly attempt: number;
  readonly hub: string;
  readonly entry: string;
  /** Its deadline, by performance.now(). */
  readonly expiresAt: number;
  readonly onTaken: (why: TakenReason) => void;
}

export interface HeartbeatOptions {
  readonly connection: Connection;
  readonly keys: GroupKeys;
  /** What of the group its scripts are told; each beat finds the lanes that there are. */
  readonly lanes: KnownLanes;
  readonly instance: string;
  /** Name of its agent record, when it has one. */
  readonly record: string | undefined;
  /** What the group lets the instance do; called with every beat. */
  readonly onGrant: (grant: Grant) => void;
  readonly report: () => { slots: number; report: InstanceReport };
  /** As they are now. */
  readonly held: () => readonly HeldRequest[];
  /** Those of the whole process. */
  readonly renewals: Renewals;
  /** Called after each beat and each renewal. */
  readonly onBeat: () => void;
  readonly log: Logger;
}

const script = loadScript('heartbeat');
const DEFAULT_LEASE_MS = 6_000;

/**
 * Keeps an instance registered and its requests leased: a beat every third of the lease at most. While nothing runs and
 * nothing is new, it is renewed together with the others of its process instead.
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
  /** What was said with the last beat, and what it told, if a renewal can do the same from then on. */
  #quiet: { readonly said: string; readonly version: string } | undefined;
  /**
   * Requests that Redis knew of until it lost its data: it will not know them again, and nobody else has them. Until that
   * time their hubs may still be on their way back to it.
   */
  readonly #unknownToStore = new WeakMap<HeldRequest, number>();

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** The group's lease, as the last beat told. */
  get leaseMs(): number {
    return this.#leaseMs;
  }

  get streamTtlMs(): number {
    return streamTtlMs(this.#leaseMs);
  }

  /** Redis's clock, as far as the last beat told. */
  redisNow(): number {
    return performance.now() + this.#clockOffset;
  }

  /** Starts beating. */
  start(): void {
    void this.#beatForEver();
  }

  /** Beats now; changes of slots take effect with it. Rejects when Redis is away. */
  async beat(): Promise<void> {
    // One at a time, and the last one sees the newest report.
    while (this.#running) await this.#running.catch(() => undefined);
    this.#running = this.#beatOnce().finally(() => (this.#running = undefined));
    return this.#running;
  }

  close(): void {
    this.#closing.abort();
  }

  async #beatForEver(): Promise<void> {
    const { signal } = this.#closing;
    const renewOrBeat = async () => {
      if (!(await this.#renew())) await this.beat();
      this.#options.onBeat();
    };
    const onFailure = (error: unknown) => {
      this.#options.log.debug({ err: error }, 'heartbeat failed, trying again');
      // The login is for another group now.
      if (isServerError(error) && error.message.startsWith('NOPERM')) {
        this.#options.onGrant({ slots: 0, state: 'moved' });
      }
    };
    while (!signal.aborted) {
      await retry(renewOrBeat, { signal, minMs: RETRY_MS, maxMs: 1_000, onFailure });
      await sleep(untilNextBeat(heartbeatMs(this.#leaseMs)), signal);
    }
  }

  /** Resolves with false when it takes a beat. */
  async #renew(): Promise<boolean> {
    const { connection, keys, lanes, instance, held, report, renewals } = this.#options;
    const { client } = connection;
    const quiet = this.#quiet;
    if (!client || !quiet || this.#running || held().length > 0) return false;
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

  /** Takes what Redis says of its clock and of the lease. */
  #learn({ now, leaseMs }: { now: number; leaseMs: number }, sentAt: number): void {
    this.#clockOffset = now - (sentAt + performance.now()) / 2;
    this.#leaseMs = leaseMs;
    this.#lastBeatAt = now;
  }

  async #beatOnce(): Promise<void> {
    const { connection, keys, lanes, instance, record = '-' } = this.#options;
    this.#quiet = undefined;
    const client = await connection.ready(this.#closing.signal);
    if (!client) return;
    const held = this.#options.held();
    const said = this.#options.report();
    const { slots, report } = said;
    const sentAt = performance.now();
    const reply = await runScript(
      client,
      script,
      [
        ...lanes.script.keys,
        ...[keys.slots, keys.agentSlots, keys.instances, keys.reports],
        ...held.flatMap(({ id, attempt }) => [keys.up(id), keys.down(id, attempt)]),
      ],
      [
        ...lanes.script.args,
        ...[instance, record, slots, JSON.stringify(report), this.streamTtlMs, lanes.count, held.length],
        ...held.flatMap(({ id, attempt, entry, hub }) => [entry, `${id}:${attempt}`, hub]),
      ],
    );
    const beat = decodeBeat(reply, keys.lanes);
    if (!beat) {
      badInput.note('reply', keys.settings);
      throw new BadReplyError('heartbeat');
    }
    const { now, leaseMs, granted, state, version, fates } = beat;
    const receivedAt = performance.now();
    // Registered less than a lease ago and yet unknown: Redis has lost its data, so nobody else can have our requests.
    const storeWasEmptied = beat.joined && now - this.#lastBeatAt < leaseMs;
    this.#learn({ now, leaseMs }, sentAt);
    if (held.length === 0 && state === 'active' && granted === slots) {
      this.#quiet = { said: JSON.stringify(said), version };
    }
    lanes.set(beat.lanes);
    this.#options.onGrant({ slots: granted, state });
    held.forEach((request, i) => {
      const fate = fates[i];
      if (storeWasEmptied) this.#unknownToStore.set(request, receivedAt + this.#leaseMs);
      const hubDueAt = this.#unknownToStore.get(request);
      // Its hub has ended it, and what it told us was lost with the data of Redis.
      const isOver = receivedAt > request.expiresAt + this.#leaseMs;
      if (isOver) request.onTaken('over');
      else if (fate === 'abandoned') request.onTaken('abandoned');
      else if (fate && hubDueAt === undefined) request.onTaken('lost');
      else if (fate === 'gone' && receivedAt > (hubDueAt ?? 0)) request.onTaken('over');
    });
  }
}

interface Beat {
  /** Redis ms. */
  readonly now: number;
  readonly leaseMs: number;
  /** The instance was not registered. */
  readonly joined: boolean;
  readonly granted: number;
  readonly state: Grant['state'];
  /** All of the group, when there are more or fewer than were known. */
  readonly lanes: string[];
  readonly version: string;
  /** One for each running request: '' held, lost, abandoned, or gone, which is both. */
  readonly fates: readonly unknown[];
}

const STATES = ['active', 'paused', 'draining', 'unknown', 'moved'] as const;

/** Undefined for what heartbeat.lua does not reply. `key`: where the names of lanes are from. */
export function decodeBeat(reply: unknown, key: string): Beat | undefined {
  const [nowText, lease, joined, slots, record, lanes, version, ...fates] = listOf(reply);
  const now = wholeOf(nowText);
  const leaseMs = leaseOf(lease);
  const granted = wholeOf(slots);
  const state = wordOf(record, STATES);
  const known = textOf(version, 64);
  if (now === undefined || leaseMs === undefined || granted === undefined) return undefined;
  if (state === undefined || known === undefined) return undefined;
  return {
    now,
    leaseMs,
    joined: joined === 1,
    granted,
    state,
    lanes: laneNames(lanes, key),
    version: known,
    fates,
  };
}

/**
 * Instances that started together, or got Redis back together, must not go on beating together: a thousand beats at once
 * hold up every request for some 50 ms. Those of one process meet in some dozen ticks: one by one they would cost twice as much.
 */
function untilNextBeat(mostMs: number): number {
  const tickMs = mostMs / 20;
  const at = performance.now() + mostMs * (0.8 + 0.2 * Math.random());
  return at - (at % tickMs) - performance.now();
}

import type { Redis } from 'ioredis';
import { sleep } from '../runtime/backoff.ts';
import type { Logger } from '../runtime/logger.ts';
import { isElsewhere, isServerError, StoreUnavailableError, type Connection } from './connection.ts';
import { encodeFrame, EVERY_ATTEMPT, FENCE } from './frames.ts';
import { FrameStream } from './frame-stream.ts';
import { BATCH_LIMITS, GroupCommit } from './group-commit.ts';
import type { GroupKeys } from './keys.ts';
import { flagsOf, originOf } from './origin.ts';
import { Outbox } from './outbox.ts';
import { groupScript, scopesOfLanes, splitLanes, type GroupScript } from './script-keys.ts';
import { loadScript, runScript } from './scripts.ts';
import { hubLeaseMs, RETRY_MS, streamTtlMs } from './times.ts';

/** Where a request is: handed to a lane, waiting, or why it was not taken. `place` finds it again when it is cancelled. */
export type Admission =
  { readonly outcome: 'handed' | 'waiting'; readonly place: string } | { readonly outcome: 'full' | 'busy' };

export interface AdmitRequest {
  readonly id: string;
  /** Head, inline body, and the end when the body is complete: one frame of seq 0. */
  readonly payload: Buffer;
  readonly attempts: number;
  /** Only agents that carry it may run the request. */
  readonly scope: string | undefined;
  /** May run again after it was pulled (RFC 9110 §9.2.2). */
  readonly repeatable: boolean;
  readonly bodyFollows: boolean;
  /** ms from now. */
  readonly deadlineMs: number;
  readonly waitMs: number;
  /** False once nobody awaits it any more: then it is not sent, or not sent again. */
  readonly wanted: () => boolean;
}

interface Pending {
  readonly request: AdmitRequest;
  readonly resolve: (admission: Admission) => void;
  readonly reject: (error: StoreUnavailableError) => void;
}

export interface GroupQueueOptions {
  readonly keys: GroupKeys;
  readonly hub: string;
  readonly commands: Connection;
  /** What counts now; it may change at any time. */
  readonly limits: () => { readonly queueDepth: number; readonly leaseMs: number };
  readonly log: Logger;
}

/** Lanes at which one admission looks: each costs Redis about half a microsecond. */
const MOST_LANES = 16;

/** A request whose admission was cut is asked for again for so long, then answered 503. */
const ASK_AGAIN_MS = 3_000;

const scripts = { admit: loadScript('admit'), cancel: loadScript('cancel'), send: loadScript('send') };

/** The hub's side of one group: lets requests in, cancels them, sends frames to their agents. */
export class GroupQueue {
  readonly #options: GroupQueueOptions;
  readonly #admissions: GroupCommit<Pending>;
  readonly #outbox: Outbox;
  readonly #closing = new AbortController();
  #inFlight = 0;
  #toUnlink: string[] = [];
  #unlinkTimer: NodeJS.Timeout | undefined;
  /** The group's lanes, as the last sweep found them, and all scopes that requests may ask for. */
  #lanes: readonly string[] = ['0'];
  #scopes: readonly string[] = [];
  #whole: GroupScript;
  /** Admissions look at one part of a large group after the other. */
  #parts: readonly GroupScript[];
  #turn = 0;
  #born = '';

  constructor(options: GroupQueueOptions) {
    this.#options = options;
    const { keys, commands, log } = options;
    this.#whole = groupScript(keys, this.#lanes);
    this.#parts = [this.#whole];
    this.#admissions = new GroupCommit({
      ...BATCH_LIMITS,
      bytesOf: ({ request }) => request.payload.length,
      commit: (batch) => this.#admit(batch),
    });
    this.#outbox = new Outbox({
      connection: commands,
      script: scripts.send,
      told: () => ({ keys: [], args: [] }),
      args: () => [keys.prefix, streamTtlMs(options.limits().leaseMs)],
      settles: false,
      onRefused: (stream) => stream.abandon(),
      log,
    });
  }

  /** Where an attempt's reply arrives. */
  replyKey(id: string, attempt: number): string {
    return this.#options.keys.down(id, attempt);
  }

  /** Requests that may wait in all lines together. */
  get depth(): number {
    return this.#options.limits().queueDepth;
  }

  /** Requests admitted and not yet forgotten. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** The request is answered: its keys go with the next admission, or in a moment. */
  forget(id: string, attempts: number, usedUp: boolean): void {
    this.#inFlight -= 1;
    const { keys } = this.#options;
    for (let attempt = 1; attempt <= attempts; attempt++) this.#toUnlink.push(keys.down(id, attempt));
    if (usedUp) this.#toUnlink.push(keys.up(id));
    this.#unlinkTimer ??= setTimeout(() => this.#unlinkNow(), 50);
  }

  /** What scripts are told that look at the whole group. */
  get script(): GroupScript {
    return this.#whole;
  }

  /** Whether there may be agents that carry this scope. */
  hasScope(scope: string): boolean {
    return this.#scopes.includes(scope);
  }

  /** Takes what a sweep has found: the lanes, and when the data began. */
  learn(found: readonly string[], born: string): void {
    this.#born = born;
    const lanes = [...new Set(['0', ...found])].sort();
    if (lanes.length === this.#lanes.length && lanes.every((lane, i) => lane === this.#lanes[i])) return;
    const { keys } = this.#options;
    this.#lanes = lanes;
    this.#scopes = scopesOfLanes(lanes);
    this.#whole = groupScript(keys, lanes);
    this.#parts = splitLanes(lanes, MOST_LANES).map((part) => groupScript(keys, part));
  }

  /** Rejects with StoreUnavailableError; `sent` says whether the request may be in the queue nevertheless. */
  admit(request: AdmitRequest): Promise<Admission> {
    this.#inFlight += 1;
    return new Promise((resolve, reject) => this.#admissions.add({ request, resolve, reject }));
  }

  /** Frames to whoever has pulled the request. */
  openStream(options: {
    id: string;
    attempt: number;
    reader: string;
    credit: number;
    onWritable: () => void;
  }): FrameStream {
    const { keys } = this.#options;
    return new FrameStream({
      outKey: keys.up(options.id),
      inKey: keys.down(options.id, options.attempt),
      ...options,
      onPending: (stream) => this.#outbox.add(stream),
    });
  }

  /**
   * Cancels a request wherever it is, and keeps trying while Redis is away. With `onlyWaiting` it is left alone once it
   * was handed over. Returns what was found, see cancel.lua.
   */
  async cancel(
    id: string,
    place: string,
    onlyWaiting: boolean,
  ): Promise<'removed' | 'running' | 'handed' | 'unknown'> {
    const { keys, commands, log } = this.#options;
    const reset = encodeFrame(id, EVERY_ATTEMPT, FENCE, { stop: true });
    const args = [
      ...this.#whole.args,
      id,
      place,
      onlyWaiting ? 1 : 0,
      reset,
      streamTtlMs(this.#options.limits().leaseMs),
    ];
    const { signal } = this.#closing;
    for (;;) {
      const client = await commands.ready(signal);
      if (!client) return 'unknown';
      try {
        const found = await runScript(client, scripts.cancel, [...this.#whole.keys, keys.up(id)], args);
        return found as 'removed' | 'running' | 'handed' | 'unknown';
      } catch (error) {
        if (!isServerError(error)) {
          await sleep(RETRY_MS, signal);
          continue;
        }
        log.error({ err: error, id }, 'could not cancel');
        return 'unknown';
      }
    }
  }

  close(): void {
    clearTimeout(this.#unlinkTimer);
    this.#unlinkNow();
    this.#closing.abort();
    this.#outbox.close();
  }

  #unlinkNow(): void {
    this.#unlinkTimer = undefined;
    const streams = this.#toUnlink.splice(0);
    // Refused while Redis is away: then they expire by themselves.
    if (streams.length > 0) void this.#options.commands.client?.unlink(...streams).catch(() => undefined);
  }

  async #admit(batch: Pending[]): Promise<void> {
    // Where it was sent and nobody knows what came of it.
    let sentTo: string | undefined;
    let isRetry = false;
    const born = this.#born;
    const giveUpAt = performance.now() + ASK_AGAIN_MS;
    let pending = batch;
    for (;;) {
      const client =
        this.#options.commands.client ??
        (isRetry ? await this.#options.commands.readyWithin(giveUpAt - performance.now()) : undefined);
      const again = sentTo !== undefined;
      // Last thing before it is sent: what was answered while we waited has left no trace in Redis to be known by.
      pending = pending.filter(({ request, resolve }) => {
        const wanted = request.wanted();
        // Sent before, it may be in the queue: the hub then cancels it.
        if (!wanted) resolve(again ? { outcome: 'waiting', place: '' } : { outcome: 'busy' });
        return wanted;
      });
      if (pending.length === 0) return;
      if (!client) return rejectAll(pending, new StoreUnavailableError(again));
      try {
        // Another server may not have heard of what the first one did: for it, the data is not the same.
        const known = sentTo === undefined || sentTo === originOf(client) ? born : '';
        const call = this.#admitCall(client, pending, again, known);
        const places = (await runScript(client, scripts.admit, call.keys, call.args)) as string[];
        pending.forEach(({ resolve, reject }, i) => {
          const place = places[i] ?? '';
          if (place === 'lost') reject(new StoreUnavailableError(true));
          else resolve(admissionOf(place));
        });
        return;
      } catch (error) {
        if (isServerError(error)) {
          this.#options.log.error({ err: error }, 'Redis refuses requests');
          return rejectAll(pending, new StoreUnavailableError(again, { cause: error }));
        }
        // Cut: the batch may have been let in. Ask again with the same ids; the script looks before it adds.
        const origin = originOf(client);
        if (!isElsewhere(error)) sentTo = (sentTo ?? origin) === origin ? origin : 'several';
        else if (performance.now() > giveUpAt) return rejectAll(pending, new StoreUnavailableError(again));
        isRetry = true;
        await sleep(RETRY_MS, this.#closing.signal);
      }
    }
  }

  #admitCall(
    client: Redis,
    batch: Pending[],
    again: boolean,
    born: string,
  ): { keys: string[]; args: (string | number | Buffer)[] } {
    const unlinks = this.#toUnlink.splice(0, 512);
    const told = this.#parts[this.#turn++ % this.#parts.length] ?? this.#whole;
    const keys = [...told.keys, ...unlinks];
    const args: (string | number | Buffer)[] = [...told.args];
    const { queueDepth, leaseMs } = this.#options.limits();
    args.push(this.#options.hub, hubLeaseMs(leaseMs), queueDepth, unlinks.length, born, batch.length);
    for (const { request } of batch) {
      const { id, attempts, scope = '-', deadlineMs, waitMs, payload } = request;
      args.push(
        id,
        `1 ${attempts} ${flagsOf(request, client)}`,
        scope,
        deadlineMs,
        waitMs,
        again ? attempts : 0,
        payload,
      );
      for (let attempt = 1; again && attempt <= attempts; attempt++) keys.push(this.replyKey(id, attempt));
    }
    return { keys, args };
  }
}

function admissionOf(place: string): Admission {
  if (place === 'full' || place === 'busy') return { outcome: place };
  if (place === 'known') return { outcome: 'waiting', place: '' };
  return { outcome: place.startsWith('w') ? 'waiting' : 'handed', place };
}

function rejectAll(pending: Pending[], error: StoreUnavailableError): void {
  for (const { reject } of pending) reject(error);
}

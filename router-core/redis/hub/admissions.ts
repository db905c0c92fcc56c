import type { Redis } from 'ioredis';
import { sleep } from '../../runtime/backoff.ts';
import type { Logger } from '../../runtime/logger.ts';
import { isElsewhere, isServerError, RETRY_MS, type Connection } from '../connection/connection.ts';
import { StoreUnavailableError } from '../../exchange/store-unavailable.ts';
import { BATCH_LIMITS, GroupCommit } from '../frames/group-commit.ts';
import { flagsOf, originOf } from '../connection/origin.ts';
import { listOf, textOf } from '../connection/reply-shape.ts';
import type { GroupScript } from '../scripts/script-keys.ts';
import { loadScript, runScript } from '../connection/run-script.ts';
import { hubLeaseMs } from '../scripts/times.ts';

/**
 * The place of a request: handed to a lane or waiting; or the reason why it was not admitted. `place` finds it again when it
 * is cancelled.
 */
export type Admission =
  { readonly outcome: 'handed' | 'waiting'; readonly place: string } | { readonly outcome: 'full' | 'busy' };

export interface AdmitRequest {
  readonly id: string;
  /** Head, inline body, and the end when the body is complete: one frame of seq 0. */
  readonly payload: Buffer;
  /** 1, or more when the request is admitted again. */
  readonly attempt: number;
  readonly attempts: number;
  /** Only agents that carry it may run the request. */
  readonly scope: string | undefined;
  /** May run again after it was pulled (RFC 9110 §9.2.2). */
  readonly repeatable: boolean;
  readonly bodyFollows: boolean;
  /** ms from now. */
  readonly deadlineMs: number;
  readonly waitMs: number;
  /** False once nobody awaits the reply: then the request is not sent (again). */
  readonly wanted: () => boolean;
}

interface Pending {
  readonly request: AdmitRequest;
  readonly resolve: (admission: Admission) => void;
  readonly reject: (error: StoreUnavailableError) => void;
}

export interface QueueLimits {
  readonly queueDepth: number;
  readonly leaseMs: number;
}

export interface AdmissionsOptions {
  readonly hub: string;
  readonly commands: Connection;
  /** The current limits; they may change at any time. */
  readonly limits: () => QueueLimits;
  /** The lanes for the next admission: of a large group one part after the other. */
  readonly nextScript: () => GroupScript;
  /** Requests of the group at this hub. */
  readonly inFlight: () => number;
  /** The epoch of the group's data, from the last sweep. */
  readonly epoch: () => string;
  /** The key of an attempt's reply. */
  readonly replyKey: (id: string, attempt: number) => string;
  /** The server has refused the script. */
  readonly onFailed: (error: unknown) => void;
  readonly log: Logger;
}

/** How long an admission is retried after a cut, ms. Then the request is answered 503. */
const ASK_AGAIN_MS = 3_000;

const script = loadScript('admit');

/** Admits requests to a group, those of two turns with one call, each once although connections are cut. */
export class Admissions {
  readonly #options: AdmissionsOptions;
  readonly #batches: GroupCommit<Pending>;
  readonly #closing = new AbortController();

  constructor(options: AdmissionsOptions) {
    this.#options = options;
    this.#batches = new GroupCommit({
      ...BATCH_LIMITS,
      bytesOf: ({ request }) => request.payload.length,
      inFlight: options.inFlight,
      commit: (batch) => this.#admit(batch),
    });
  }

  /** Rejects with StoreUnavailableError, whose `sent` is true when the request may be in the queue nevertheless. */
  admit(request: AdmitRequest): Promise<Admission> {
    return new Promise((resolve, reject) => this.#batches.add({ request, resolve, reject }));
  }

  close(): void {
    this.#closing.abort();
  }

  async #admit(batch: Pending[]): Promise<void> {
    // The server that has got the batch without an answer.
    let sentTo: string | undefined;
    let isRetry = false;
    const { commands, log } = this.#options;
    const epoch = this.#options.epoch();
    const giveUpAt = performance.now() + ASK_AGAIN_MS;
    let pending = batch;
    for (;;) {
      const client =
        commands.client ?? (isRetry ? await commands.readyWithin(giveUpAt - performance.now()) : undefined);
      const again = sentTo !== undefined;
      // Right before it is sent: a request that was answered while this one waited has left no trace in Redis.
      pending = pending.filter(({ request, resolve }) => {
        const wanted = request.wanted();
        // A request that was sent before may be in the queue: the hub then cancels it.
        if (!wanted) resolve(again ? { outcome: 'waiting', place: '' } : { outcome: 'busy' });
        return wanted;
      });
      if (pending.length === 0) return;
      if (!client) return rejectAll(pending, new StoreUnavailableError(again));
      try {
        // Another server may lack the writes of the first one: its data counts as a new epoch.
        const known = sentTo === undefined || sentTo === originOf(client) ? epoch : '';
        const call = this.#call(client, pending, again, known);
        const places = listOf(await runScript(client, script, call.keys, call.args));
        pending.forEach(({ resolve, reject }, i) => {
          const place = decodePlace(places[i]);
          if (place === undefined || place === 'lost') reject(new StoreUnavailableError(true));
          else resolve(admissionOf(place));
        });
        return;
      } catch (error) {
        if (isServerError(error)) {
          log.error({ err: error }, 'Redis refuses requests');
          this.#options.onFailed(error);
          return rejectAll(pending, new StoreUnavailableError(again, { cause: error }));
        }
        // Cut: the batch may have been admitted. The same ids are sent again, and the script looks for them before it adds
        // them.
        const origin = originOf(client);
        if (!isElsewhere(error)) sentTo = (sentTo ?? origin) === origin ? origin : 'several';
        else if (performance.now() > giveUpAt) return rejectAll(pending, new StoreUnavailableError(again));
        isRetry = true;
        await sleep(RETRY_MS, this.#closing.signal);
      }
    }
  }

  #call(
    client: Redis,
    batch: Pending[],
    again: boolean,
    epoch: string,
  ): { keys: string[]; args: (string | number | Buffer)[] } {
    const { hub, limits, nextScript, replyKey } = this.#options;
    const groupInput = nextScript();
    const { queueDepth, leaseMs } = limits();
    const keys = [...groupInput.keys];
    const args: (string | number | Buffer)[] = [...groupInput.args];
    args.push(hub, hubLeaseMs(leaseMs), queueDepth, epoch);
    for (const { request } of batch) {
      const { id, attempt, attempts, scope = '-', deadlineMs, waitMs, payload } = request;
      const flags = `${attempt} ${attempts} ${flagsOf(request, client)}`;
      args.push(id, flags, scope, deadlineMs, waitMs, again ? attempts : 0, payload);
      for (let each = attempt; again && each <= attempts; each++) keys.push(replyKey(id, each));
    }
    return { keys, args };
  }
}

/** `full`, `busy`, `known`, `lost`, or a lane or a line with the id of the entry. Undefined for anything else. */
export function decodePlace(reply: unknown): string | undefined {
  const place = textOf(reply, 4_000);
  return place !== undefined && PLACE.test(place) ? place : undefined;
}

const PLACE = /^(?:full|busy|known|lost|(?:w(?::[\w.-]+)?|\d[\w.+-]*) \d+-\d+)$/;

function admissionOf(place: string): Admission {
  if (place === 'full' || place === 'busy') return { outcome: place };
  if (place === 'known') return { outcome: 'waiting', place: '' };
  return { outcome: place.startsWith('w') ? 'waiting' : 'handed', place };
}

function rejectAll(pending: Pending[], error: StoreUnavailableError): void {
  for (const { reject } of pending) reject(error);
}

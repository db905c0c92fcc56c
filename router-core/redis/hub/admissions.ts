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

/** Where a request is: handed to a lane, waiting, or why it was not taken. `place` finds it again when it is cancelled. */
export type Admission =
  { readonly outcome: 'handed' | 'waiting'; readonly place: string } | { readonly outcome: 'full' | 'busy' };

export interface AdmitRequest {
  readonly id: string;
  /** Head, inline body, and the end when the body is complete: one frame of seq 0. */
  readonly payload: Buffer;
  /** 1, or more when it is let in again. */
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
  /** False once nobody awaits it any more: then it is not sent, or not sent again. */
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
  /** What counts now; it may change at any time. */
  readonly limits: () => QueueLimits;
  /** The lanes that the next admission looks at: of a large group one part after the other. */
  readonly nextScript: () => GroupScript;
  /** Requests of the group that this hub has. */
  readonly inFlight: () => number;
  /** When the data of the group began, as the last sweep has found it. */
  readonly epoch: () => string;
  /** Where an attempt's reply arrives. */
  readonly replyKey: (id: string, attempt: number) => string;
  /** The server has refused the script. */
  readonly onFailed: (error: unknown) => void;
  readonly log: Logger;
}

/** A request whose admission was cut is asked for again for so long, then answered 503. */
const ASK_AGAIN_MS = 3_000;

const script = loadScript('admit');

/** Lets requests into a group, those of two turns with one call, each once although connections are cut. */
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

  /** Rejects with StoreUnavailableError; `sent` says whether the request may be in the queue nevertheless. */
  admit(request: AdmitRequest): Promise<Admission> {
    return new Promise((resolve, reject) => this.#batches.add({ request, resolve, reject }));
  }

  close(): void {
    this.#closing.abort();
  }

  async #admit(batch: Pending[]): Promise<void> {
    // Where it was sent and nobody knows what came of it.
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
        // Cut: the batch may have been let in. Ask again with the same ids; the script looks before it adds.
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

import type { Redis } from 'ioredis';
import { sleep } from '../runtime/backoff.ts';
import type { Logger } from '../runtime/logger.ts';
import type { PulledRequest } from './agent-link.ts';
import { isServerError, type Connection } from './connection.ts';
import { FENCE } from './frames.ts';
import { CONSUMER_GROUP, type GroupKeys } from './keys.ts';
import type { KnownLanes } from './known-lanes.ts';
import { decodeEntries, type StreamEntry } from './pulled-requests.ts';
import { RETRY_MS } from './times.ts';

/** One blocking read lasts at most so long: a reader that Redis forgot to wake (Dragonfly) wakes by itself. */
export const BLOCK_MS = 5_000;

/** Pause after a pull that Redis has refused. */
const REFUSED_MS = 1_000;

/** A request that took longer than this from the hand-over to the pull may have been cancelled meanwhile. */
const LATE_MS = 100;

export interface RequestPullerOptions {
  /** For reads that wait, and nothing else. */
  readonly blocking: Connection;
  readonly commands: Connection;
  readonly keys: GroupKeys;
  readonly lanes: KnownLanes;
  readonly instance: string;
  /** Redis's clock, ms. */
  readonly redisNow: () => number;
  /** Entries that were pulled before: they run, or their settlement is on its way. */
  readonly known: () => Iterable<string>;
  /** Registers the instance again, and its lane, when Redis has lost them. */
  readonly rejoin: () => Promise<void>;
  readonly log: Logger;
}

/** Takes requests from an instance's lane, each once, whatever happens to its connections. */
export class RequestPuller {
  readonly #options: RequestPullerOptions;
  readonly #stopping = new AbortController();
  /** The blocking connection whose pending entries have been read; a new one starts with them. */
  #caughtUp: Redis | undefined;

  constructor(options: RequestPullerOptions) {
    this.#options = options;
  }

  /** Up to `max` requests as soon as there are any; none when it was stopped, after a while, or after trouble. */
  async pull(max: number): Promise<PulledRequest[]> {
    const { signal } = this.#stopping;
    const client = await this.#options.blocking.ready(signal);
    if (!client || signal.aborted) return [];
    try {
      if (this.#caughtUp !== client) {
        // A reply lost with the old connection leaves its entries pending: they come first.
        const pending = await this.readPending(client);
        this.#caughtUp = client;
        if (pending.length > 0) return await this.#dropUnwanted(pending);
      }
      return await this.#dropUnwanted(await this.#readRequests(client, '>', max));
    } catch (error) {
      // What was delivered and not handed out is read again as pending.
      this.#caughtUp = undefined;
      if (!signal.aborted) await this.#recover(error);
      return [];
    }
  }

  /** From now on nothing is pulled. A read that waits ends with its connection. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Entries that Redis holds as ours and that we have never seen: delivered in a reply that a cut has swallowed. */
  async readPending(client: Redis): Promise<PulledRequest[]> {
    // What is settled while the read is under way may be in its reply: so what we knew before counts too.
    const known = new Set(this.#options.known());
    const pending = await this.#readRequests(client, '0', 1_000);
    for (const entry of this.#options.known()) known.add(entry);
    return pending.filter(({ entry }) => !known.has(entry));
  }

  async #recover(error: unknown): Promise<void> {
    const { rejoin, log } = this.#options;
    const { signal } = this.#stopping;
    if (!isServerError(error)) return sleep(RETRY_MS, signal);
    // NOGROUP: Redis has lost its data. The heartbeat makes the group again.
    log.warn({ err: error }, 'pull failed, joining again');
    await rejoin();
    // Anything else, such as a login that may not pull from this group any more, would come back at once.
    if (!error.message.startsWith('NOGROUP')) await sleep(REFUSED_MS, signal);
  }

  /**
   * An instance that was frozen or cut off finds requests that were handed to it some time ago. Their reset may have been
   * rung while nobody listened, or the sweep may have given them to others: what is late is looked at before it starts.
   */
  async #dropUnwanted(requests: PulledRequest[]): Promise<PulledRequest[]> {
    const { commands, keys, lanes, instance, redisNow } = this.#options;
    const lateBefore = redisNow() - LATE_MS;
    const looked = requests.map(async (request) => {
      if (Number.parseInt(request.entry, 10) > lateBefore) return request;
      const client = await commands.ready();
      if (!client) return undefined;
      const { id, entry } = request;
      const [pending, reset] = await Promise.all([
        client.xpending(keys.lane(lanes.own), CONSUMER_GROUP, entry, entry, 1, instance),
        client.xrange(keys.up(id), `${FENCE}-0`, '+'),
      ]);
      if (pending.length === 0) return undefined;
      // Nobody awaits it: settled without having run.
      return reset.length > 0 ? { ...request, remainingMs: 0 } : request;
    });
    return (await Promise.all(looked)).filter((request) => request !== undefined);
  }

  async #readRequests(client: Redis, from: '>' | '0', count: number): Promise<PulledRequest[]> {
    const { keys, lanes, instance, redisNow } = this.#options;
    const group = ['GROUP', CONSUMER_GROUP, instance, 'COUNT', count] as const;
    const block = from === '>' ? (['BLOCK', BLOCK_MS] as const) : [];
    const streams = ['STREAMS', keys.lane(lanes.own), from] as const;
    const reply = await client.callBuffer('XREADGROUP', ...group, ...block, ...streams);
    const entries = (reply as [Buffer, StreamEntry[]][] | null)?.[0]?.[1] ?? [];
    return decodeEntries(entries, { client, lane: lanes.own, redisNow: redisNow() });
  }
}

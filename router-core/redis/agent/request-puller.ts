import type { Redis } from 'ioredis';
import { sleep } from '../../runtime/backoff.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { PulledRequest } from '../../exchange/agent-link.ts';
import { isServerError, RETRY_MS, type Connection } from '../connection/connection.ts';
import { FENCE } from '../../exchange/frames.ts';
import { CONSUMER_GROUP, type GroupKeys } from '../scripts/keys.ts';
import type { KnownLanes } from './known-lanes.ts';
import { decodeEntries, entryIdsOf, entryOf, type BadEntry } from './pulled-requests.ts';
import { listOf } from '../connection/reply-shape.ts';
import { loadScript, runScript } from '../connection/run-script.ts';

/** The longest blocking read: a reader that Redis forgot to wake (Dragonfly) wakes by itself. */
export const BLOCK_MS = 5_000;

/** Pause after a pull that Redis has refused. */
const REFUSED_MS = 1_000;

const look = loadScript('look');

/** Entries carry bodies, and Redis does nothing else while it copies them: a relay with thousands of slots pulls in pieces. */
const MOST_IN_PULL = 128;

/** A request that took longer than this from the hand-over to the pull may have been cancelled meanwhile. */
const LATE_MS = 100;

export interface RequestPullerOptions {
  /** For blocking reads only. */
  readonly blocking: Connection;
  readonly commands: Connection;
  readonly keys: GroupKeys;
  readonly lanes: KnownLanes;
  readonly instance: string;
  /** Redis's clock, ms. */
  readonly redisNow: () => number;
  /** Entries that were pulled before: they run, or their settlement is on its way. */
  readonly known: () => Iterable<string>;
  /** Ids of requests that this instance is about to adopt: they may be its own before it knows. */
  readonly adopting: () => Iterable<string>;
  /** Registers the instance again, and its lane, when Redis has lost them. */
  readonly rejoin: () => Promise<void>;
  /** Settles entries that are no requests. */
  readonly onBad: (bad: readonly BadEntry[]) => void;
  readonly log: Logger;
}

/** Takes requests from an instance's lane, each once, whatever happens to its connections. */
export class RequestPuller {
  readonly #options: RequestPullerOptions;
  readonly #stopping = new AbortController();
  /** The blocking connection whose pending entries were read; a new connection starts with them. */
  #caughtUp: Redis | undefined;

  constructor(options: RequestPullerOptions) {
    this.#options = options;
  }

  /**
   * Passes up to `max` requests to `take` as soon as there are any, then resolves. Also resolves when it was stopped, after a
   * while without requests, or after an error.
   */
  async pull(max: number, take: (request: PulledRequest) => void): Promise<void> {
    const { signal } = this.#stopping;
    const { blocking } = this.#options;
    const client = blocking.client ?? (await blocking.ready(signal));
    if (!client || signal.aborted) return;
    let requests: PulledRequest[];
    try {
      requests = await this.#read(client, max);
    } catch (error) {
      // Entries that were delivered but not handed out are read again as pending.
      this.#caughtUp = undefined;
      if (!signal.aborted) await this.#recover(error);
      return;
    }
    for (const request of requests) take(request);
  }

  /** Ends pulling. A blocked read ends with its connection. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Entries that Redis holds as ours and that this process has never seen: their reply was lost with a connection. */
  async readPending(client: Redis): Promise<PulledRequest[]> {
    // Entries that are settled while the read is under way may be in its reply: so those that we knew before count, too.
    const known = new Set<string>();
    const adopted = new Set<string>();
    const note = () => {
      for (const entry of this.#options.known()) known.add(entry);
      for (const id of this.#options.adopting()) adopted.add(id);
    };
    note();
    const pending: PulledRequest[] = [];
    for (let from: string | undefined = '0'; from !== undefined;) {
      const reply = await client.callBuffer('XREADGROUP', ...this.#readArgs(from, MOST_IN_PULL));
      note();
      const ids = entryIdsOf(reply);
      pending.push(...this.#decode(client, reply));
      from = ids.length < MOST_IN_PULL ? undefined : ids.at(-1);
    }
    return pending.filter((request) => !known.has(entryOf(request)) && !adopted.has(request.id));
  }

  async #recover(error: unknown): Promise<void> {
    const { rejoin, log } = this.#options;
    const { signal } = this.#stopping;
    if (!isServerError(error)) return sleep(RETRY_MS, signal);
    // NOGROUP: Redis has lost its data. The heartbeat makes the group again.
    log.warn({ err: error }, 'pull failed, joining again');
    await rejoin();
    // Other errors, such as a login that may not pull from this group any more, would come back at once.
    if (!error.message.startsWith('NOGROUP')) await sleep(REFUSED_MS, signal);
  }

  async #read(client: Redis, max: number): Promise<PulledRequest[]> {
    if (this.#caughtUp !== client) {
      // Entries of a reply that was lost with the old connection are pending: they come first.
      const pending = await this.readPending(client);
      this.#caughtUp = client;
      if (pending.length > 0) return this.#dropUnwanted(pending);
    }
    const count = Math.min(max, MOST_IN_PULL);
    const reply = await client.callBuffer('XREADGROUP', ...this.#readArgs('>', count));
    return this.#dropUnwanted(this.#decode(client, reply));
  }

  #isLate(request: PulledRequest): boolean {
    return Number.parseInt(entryOf(request), 10) <= this.#options.redisNow() - LATE_MS;
  }

  /**
   * An instance that was frozen or cut off finds requests that were handed to it some time ago. Their reset may have been rung
   * while nobody listened, their hub may be gone, or the sweep may have given them to others. So late requests are checked
   * before they start.
   */
  async #dropUnwanted(requests: PulledRequest[]): Promise<PulledRequest[]> {
    const wanted: PulledRequest[] = [];
    for (let at = 0; at < requests.length; at += MOST_IN_PULL) {
      wanted.push(...(await this.#dropUnwantedOf(requests.slice(at, at + MOST_IN_PULL))));
    }
    return wanted;
  }

  async #dropUnwantedOf(requests: PulledRequest[]): Promise<PulledRequest[]> {
    const { commands, keys, lanes, instance } = this.#options;
    const late = requests.filter((request) => this.#isLate(request));
    if (late.length === 0) return requests;
    const client = await commands.ready();
    if (!client) return requests.filter((request) => !late.includes(request));
    const groupInput = lanes.script;
    const found = listOf(
      await runScript(
        client,
        look,
        [...groupInput.keys, ...late.map(({ id }) => keys.up(id))],
        [...groupInput.args, instance, `${FENCE}-0`, ...late.flatMap((each) => [entryOf(each), each.hub])],
      ),
    );
    return requests.flatMap((request) => {
      const at = late.indexOf(request);
      if (at < 0 || found[at] === 'run') return [request];
      // Nobody awaits it: it is settled without having run. Otherwise another instance has it.
      return found[at] === 'unwanted' ? [{ ...request, remainingMs: 0 }] : [];
    });
  }

  /** `from`: `>` is what nobody has pulled, an entry what this instance has pulled after it. */
  #readArgs(from: string, count: number): (string | number)[] {
    const { keys, lanes, instance } = this.#options;
    const block = from === '>' ? (['BLOCK', BLOCK_MS] as const) : [];
    const group = ['GROUP', CONSUMER_GROUP, instance, 'COUNT', count] as const;
    return [...group, ...block, 'STREAMS', keys.lane(lanes.own), from];
  }

  #decode(client: Redis, reply: unknown): PulledRequest[] {
    const { redisNow, onBad } = this.#options;
    const { requests, bad } = decodeEntries(reply, { client, redisNow: redisNow() });
    if (bad.length > 0) onBad(bad);
    return requests;
  }
}

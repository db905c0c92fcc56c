import type { Logger } from '../../runtime/logger.ts';
import { retry } from '../../runtime/retry.ts';
import { Admissions, type Admission, type AdmitRequest, type QueueLimits } from './admissions.ts';
import { WHEN_CUT, type Connection } from '../connection/connection.ts';
import { encodeFrame, EVERY_ATTEMPT, FENCE } from '../../exchange/frames.ts';
import { FrameStream } from '../../exchange/frame-stream.ts';
import type { Whereabouts } from '../../exchange/hub-exchange.ts';
import type { GroupKeys } from '../scripts/keys.ts';
import { Outbox } from '../frames/outbox.ts';
import { wordOf } from '../connection/reply-shape.ts';
import { admissionParts, groupScript, scopesOfLanes, type GroupScript } from '../scripts/script-keys.ts';
import { loadScript, runScript } from '../connection/run-script.ts';
import { streamTtlMs } from '../scripts/times.ts';

export interface GroupQueueOptions {
  readonly keys: GroupKeys;
  readonly hub: string;
  readonly commands: Connection;
  /** The current limits; they may change at any time. */
  readonly limits: () => QueueLimits;
  /** The server has refused a script. */
  readonly onFailed: (error: unknown) => void;
  readonly log: Logger;
}

/** Lanes at which one admission looks: each costs Redis about half a microsecond. */
const MOST_LANES = 16;
const MOST_RELAY_LANES = 64;

/** Keys that one command removes: Redis must never stall on one. */
const MOST_UNLINKS = 512;

/** The answers of cancel.lua. */
const FOUND: readonly Whereabouts[] = ['removed', 'running', 'waiting', 'handed', 'pulled', 'unknown'];

const scripts = { cancel: loadScript('cancel'), send: loadScript('send') };

/** The hub's side of one group: admits requests, cancels them, sends frames to their agents. */
export class GroupQueue {
  readonly #options: GroupQueueOptions;
  readonly #admissions: Admissions;
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
  #epoch = '';

  constructor(options: GroupQueueOptions) {
    this.#options = options;
    const { keys, commands, log } = options;
    this.#whole = groupScript(keys, this.#lanes);
    this.#parts = [this.#whole];
    this.#admissions = new Admissions({
      hub: options.hub,
      commands,
      limits: options.limits,
      onFailed: options.onFailed,
      log,
      nextScript: () => this.#parts[this.#turn++ % this.#parts.length] ?? this.#whole,
      epoch: () => this.#epoch,
      inFlight: () => this.#inFlight,
      replyKey: (id, attempt) => keys.down(id, attempt),
    });
    this.#outbox = new Outbox({
      connection: commands,
      script: scripts.send,
      groupInput: () => ({ keys: [], args: [] }),
      args: () => [keys.prefix, streamTtlMs(options.limits().leaseMs)],
      onRefused: (stream) => stream.abandon(),
      log,
    });
  }

  /** The key of an attempt's reply. */
  replyKey(id: string, attempt: number): string {
    return this.#options.keys.down(id, attempt);
  }

  /** Requests admitted and not yet forgotten. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** The request is answered: its keys are removed in a moment. */
  forget(id: string, attempts: number, usedUp: boolean): void {
    this.#inFlight -= 1;
    const { keys } = this.#options;
    for (let attempt = 1; attempt <= attempts; attempt++) this.#toUnlink.push(keys.down(id, attempt));
    if (usedUp) this.#toUnlink.push(keys.up(id));
    this.#unlinkTimer ??= setTimeout(() => this.#unlinkNow(), 50);
  }

  /** The keys and arguments of scripts that look at the whole group. */
  get script(): GroupScript {
    return this.#whole;
  }

  /** The lanes that the last sweep has found. */
  get lanes(): readonly string[] {
    return this.#lanes;
  }

  /** True when agents with this scope may exist. */
  hasScope(scope: string): boolean {
    return this.#scopes.includes(scope);
  }

  /** Takes lanes and epoch from a sweep. */
  learn(found: readonly string[], epoch: string): void {
    this.#epoch = epoch;
    const lanes = [...new Set(['0', ...found])].sort();
    if (lanes.length === this.#lanes.length && lanes.every((lane, i) => lane === this.#lanes[i])) return;
    const { keys } = this.#options;
    this.#lanes = lanes;
    this.#scopes = scopesOfLanes(lanes);
    this.#whole = groupScript(keys, lanes);
    const parts = admissionParts(lanes, MOST_LANES, MOST_RELAY_LANES);
    this.#parts = parts.map((part) => groupScript(keys, part));
  }

  /** Rejects with StoreUnavailableError, whose `sent` is true when the request may be in the queue nevertheless. */
  admit(request: AdmitRequest): Promise<Admission> {
    if (request.attempt === 1) this.#inFlight += 1;
    return this.#admissions.admit(request);
  }

  /** A stream of frames to the instance that has pulled the request. */
  openStream(options: { id: string; attempt: number; reader: string; onWritable: () => void }): FrameStream {
    const { keys } = this.#options;
    return new FrameStream({
      outKey: keys.up(options.id),
      inKey: keys.down(options.id, options.attempt),
      ...options,
      credit: 0,
      onPending: (stream) => this.#outbox.add(stream),
    });
  }

  /** Cancels a request wherever it is, and keeps trying while Redis is away. */
  cancel(id: string, place: string): Promise<Whereabouts> {
    return this.#find(id, place, 'cancel');
  }

  /** Removes a request from the group unless an agent has pulled it; then it runs on. */
  leave(id: string, place: string): Promise<Whereabouts> {
    return this.#find(id, place, 'leave');
  }

  /** Finds the request and changes nothing. */
  look(id: string, place: string): Promise<Whereabouts> {
    return this.#find(id, place, 'look');
  }

  async #find(id: string, place: string, what: 'cancel' | 'leave' | 'look'): Promise<Whereabouts> {
    const { keys, commands, log } = this.#options;
    const reset = encodeFrame(id, EVERY_ATTEMPT, FENCE, { stop: true });
    const args = [...this.#whole.args, id, place, what, reset, streamTtlMs(this.#options.limits().leaseMs)];
    const { signal } = this.#closing;
    const find = async (): Promise<Whereabouts | undefined> => {
      const client = await commands.ready(signal);
      if (!client) return undefined;
      const found = await runScript(client, scripts.cancel, [...this.#whole.keys, keys.up(id)], args);
      return wordOf(found, FOUND);
    };
    try {
      return (await retry(find, { signal, ...WHEN_CUT })) ?? 'unknown';
    } catch (error) {
      // Most likely its keys hold something else: agents can write there, so this is no error of the hub.
      log.warn({ reason: (error as Error).message, id }, 'could not cancel');
      return 'unknown';
    }
  }

  close(): void {
    clearTimeout(this.#unlinkTimer);
    this.#unlinkNow();
    this.#closing.abort();
    this.#admissions.close();
    this.#outbox.close();
  }

  #unlinkNow(): void {
    this.#unlinkTimer = undefined;
    while (this.#toUnlink.length > 0) {
      const streams = this.#toUnlink.splice(0, MOST_UNLINKS);
      // Fails while Redis is away: then the keys expire by themselves.
      void this.#options.commands.client?.unlink(...streams).catch(() => undefined);
    }
  }
}

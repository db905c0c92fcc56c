import type { Redis } from 'ioredis';
import { ChurnMap } from '../../runtime/churn-map.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Connection } from '../connection/connection.ts';
import type { FrameReader } from '../../exchange/frame-reader.ts';
import { decodeFrame, FENCE, NUDGE_ID, type Frame } from '../../exchange/frames.ts';
import { tagOf } from '../scripts/keys.ts';
import type { Store } from '../connection/store.ts';

export interface InboxOptions {
  /** Where a stream is read, and where its doorbells are heard, by the hash tag of its group. */
  readonly store: Pick<Store, 'at'>;
  /** Something has changed that the next heartbeat will tell. */
  readonly onNudge?: () => void;
  readonly log: Logger;
}

/** One connection for doorbells and what is listened to on it. */
interface Line {
  readonly doorbells: Connection;
  readonly channels: Set<string>;
  /** The client that has subscribed to all of them. */
  subscribedOn: Redis | undefined;
}

/** After so much silence the stream itself is read: a lost doorbell costs at most this, ms. */
const SILENCE_MS = 1_000;
const CHECK_MS = 250;

/** Streams that are read at the same time because of a doorbell: what else is asked of Redis waits behind their bytes. */
const MOST_READS = 8;

/**
 * Brings frames to their readers, each once and in order. Doorbells are hints and carry small frames along; the stream is
 * the truth and is read after a gap, a notice, a reconnect, or a second of silence. Losing any doorbell loses nothing.
 */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #lines = new Map<Connection, Line>();
  /** Clients that bring their rings here: several lines may have one. */
  readonly #heard = new WeakSet<Redis>();
  readonly #readers = new ChurnMap<FrameReader>();
  readonly #reading = new Set<FrameReader>();
  /** Rung, and not read because others are. */
  readonly #toRead = new Set<FrameReader>();
  /** While there are readers: an agent may have a thousand inboxes that have none. */
  #timer: NodeJS.Timeout | undefined;
  /** Doorbells that were lost, or late by a second: their frames were found by reading the stream. */
  missedDoorbells = 0;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** Whether all doorbells are connected that can be: until then nobody should be asked to ring. */
  get subscribed(): boolean {
    const lines = [...this.#lines.values()];
    const isHeard = ({ doorbells, subscribedOn }: Line) =>
      doorbells.client !== undefined && doorbells.client === subscribedOn;
    return lines.length === 0 || lines.some(isHeard);
  }

  open(reader: FrameReader): void {
    this.#readers.set(reader.id, reader);
    this.#timer ??= setInterval(() => this.#checkSilent(), CHECK_MS).unref();
  }

  /** Whether somebody reads what belongs to this request. */
  has(id: string): boolean {
    return this.#readers.has(id);
  }

  close(reader: FrameReader): void {
    if (this.#readers.get(reader.id) === reader) this.#readers.delete(reader.id);
    this.#toRead.delete(reader);
  }

  /** Rings on this channel count, too. */
  listen(channel: string): void {
    const doorbells = this.#options.store.at(tagOf(channel), 'doorbells');
    const line = this.#lines.get(doorbells);
    if (line) {
      line.channels.add(channel);
      // Failed with its connection: the next one subscribes to all.
      doorbells.client?.ssubscribe(channel).catch(() => undefined);
      return;
    }
    const opened: Line = { doorbells, channels: new Set([channel]), subscribedOn: undefined };
    this.#lines.set(doorbells, opened);
    doorbells.onReady((client) => void this.#subscribe(opened, client));
  }

  stopListening(channel: string): void {
    const doorbells = this.#options.store.at(tagOf(channel), 'doorbells');
    this.#lines.get(doorbells)?.channels.delete(channel);
    doorbells.client?.sunsubscribe(channel).catch(() => undefined);
  }

  stop(): void {
    this.#stopTimer();
    this.#readers.clear();
    this.#toRead.clear();
  }

  async #subscribe(line: Line, client: Redis): Promise<void> {
    if (!this.#heard.has(client)) {
      this.#heard.add(client);
      client.on('smessageBuffer', (_channel: Buffer, message: Buffer) => this.#onDoorbell(message));
    }
    try {
      if (line.channels.size > 0) await client.ssubscribe(...line.channels);
      line.subscribedOn = client;
      for (const reader of this.#readers.values()) {
        if (this.#options.store.at(tagOf(reader.key), 'doorbells') === line.doorbells)
          this.#readStream(reader);
      }
    } catch (error) {
      this.#options.log.warn({ err: error }, 'could not subscribe to doorbells');
      client.disconnect();
    }
  }

  #onDoorbell(message: Buffer): void {
    let offset = 0;
    while (offset < message.length) {
      const { frame, next } = decodeFrame(message, offset);
      offset = next;
      const reader = this.#readers.get(frame.id);
      if (reader) this.#onRung(reader, frame);
      else if (frame.id === NUDGE_ID) this.#options.onNudge?.();
    }
  }

  #onRung(reader: FrameReader, frame: Frame): void {
    if (frame.attempt < reader.attempt) return;
    if (frame.seq === 0) {
      reader.onFrame(frame);
    } else if (frame.attempt === reader.attempt && frame.seq === reader.lastSeq + 1 && frame.parts !== 0) {
      this.#deliver(reader, frame);
    } else if (frame.attempt > reader.attempt || frame.seq > reader.lastSeq) {
      // A gap; unless what is missing is being read, because it was too large for its doorbell.
      if (frame.seq > reader.lastSeq + 1 && !this.#isBeingRead(reader)) this.missedDoorbells += 1;
      this.#readStream(reader);
    }
  }

  #deliver(reader: FrameReader, frame: Frame): void {
    reader.lastSeq = frame.seq;
    reader.heardAt = performance.now();
    reader.onFrame(frame);
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #checkSilent(): void {
    if (this.#readers.size === 0) return this.#stopTimer();
    const limit = performance.now() - SILENCE_MS;
    for (const reader of this.#readers.values()) {
      if (reader.heardAt < limit) {
        reader.heardAt = performance.now();
        if (this.#isBeingRead(reader)) this.#readStream(reader);
        else void this.#readOnce(reader).then((found) => (this.missedDoorbells += found));
      }
    }
  }

  #isBeingRead(reader: FrameReader): boolean {
    return this.#reading.has(reader) || this.#toRead.has(reader);
  }

  #readStream(reader: FrameReader): void {
    this.#toRead.add(reader);
    this.#readNext();
  }

  #readNext(): void {
    for (const reader of this.#toRead) {
      if (this.#reading.size >= MOST_READS) return;
      // What it was rung for while it is being read is read afterwards.
      if (this.#reading.has(reader)) continue;
      this.#toRead.delete(reader);
      void this.#readOnce(reader);
    }
  }

  /** Resolves with how many frames it has brought. */
  async #readOnce(reader: FrameReader): Promise<number> {
    const { client } = this.#options.store.at(tagOf(reader.key), 'commands');
    if (!client) return 0;
    let found = 0;
    this.#reading.add(reader);
    const { key } = reader;
    try {
      const entries = await client.xrangeBuffer(key, `${reader.lastSeq + 1}-0`, '+');
      for (const [, fields] of entries) {
        const bytes = fields[1];
        // The reader may have moved on, or closed, with an earlier frame of this very reading.
        if (!bytes || reader.key !== key || this.#readers.get(reader.id) !== reader) break;
        const { frame } = decodeFrame(bytes);
        if (frame.seq === reader.lastSeq + 1 || frame.seq === FENCE) {
          found += 1;
          this.#deliver(reader, frame);
        }
      }
    } catch (error) {
      this.#options.log.debug({ err: error, id: reader.id }, 'could not read frames, trying again');
    } finally {
      this.#reading.delete(reader);
      this.#readNext();
    }
    return found;
  }
}

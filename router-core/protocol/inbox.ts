import type { Redis } from 'ioredis';
import { ChurnMap } from '../runtime/churn-map.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Connection } from './connection.ts';
import { decodeFrame, FENCE, NUDGE_ID, type Frame } from './frames.ts';

/** One incoming stream. The inbox keeps `lastSeq` and `heardAt`; `attempt` and `key` move on when a request does. */
export interface FrameReader {
  readonly id: string;
  attempt: number;
  key: string;
  lastSeq: number;
  heardAt: number;
  readonly onFrame: (frame: Frame) => void;
}

export interface InboxOptions {
  readonly commands: Connection;
  readonly doorbells: Connection;
  readonly channels: readonly string[];
  /** Something has changed that the next heartbeat will tell. */
  readonly onNudge?: () => void;
  readonly log: Logger;
}

/** After so much silence the stream itself is read: a lost doorbell costs at most this, ms. */
const SILENCE_MS = 1_000;
const CHECK_MS = 250;

/**
 * Brings frames to their readers, each once and in order. Doorbells are hints and carry small frames along; the stream is
 * the truth and is read after a gap, a notice, a reconnect, or a second of silence. Losing any doorbell loses nothing.
 */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #channels: Set<string>;
  readonly #readers = new ChurnMap<FrameReader>();
  readonly #reading = new Set<FrameReader>();
  readonly #rungWhileReading = new Set<FrameReader>();
  readonly #timer: NodeJS.Timeout;
  /** Whether the doorbells are connected: until then nobody should be asked to ring. */
  subscribed = false;
  /** Doorbells that were lost, or late by a second: their frames were found by reading the stream. */
  missedDoorbells = 0;

  constructor(options: InboxOptions) {
    this.#options = options;
    this.#channels = new Set(options.channels);
    this.#timer = setInterval(() => this.#checkSilent(), CHECK_MS);
    this.#timer.unref();
    options.doorbells.onReady((client) => void this.#subscribe(client));
  }

  open(reader: FrameReader): void {
    this.#readers.set(reader.id, reader);
  }

  close(reader: FrameReader): void {
    if (this.#readers.get(reader.id) === reader) this.#readers.delete(reader.id);
  }

  /** Rings on this channel count, too. */
  listen(channel: string): void {
    this.#channels.add(channel);
    // Failed with its connection: the next one subscribes to all.
    this.#options.doorbells.client?.ssubscribe(channel).catch(() => undefined);
  }

  stopListening(channel: string): void {
    this.#channels.delete(channel);
    this.#options.doorbells.client?.sunsubscribe(channel).catch(() => undefined);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#readers.clear();
  }

  async #subscribe(client: Redis): Promise<void> {
    client.on('smessageBuffer', (_channel: Buffer, message: Buffer) => this.#onDoorbell(message));
    client.once('close', () => (this.subscribed = false));
    try {
      if (this.#channels.size > 0) await client.ssubscribe(...this.#channels);
      this.subscribed = true;
      for (const reader of this.#readers.values()) this.#readStream(reader);
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
      if (frame.seq > reader.lastSeq + 1 && !this.#reading.has(reader)) this.missedDoorbells += 1;
      this.#readStream(reader);
    }
  }

  #deliver(reader: FrameReader, frame: Frame): void {
    reader.lastSeq = frame.seq;
    reader.heardAt = performance.now();
    reader.onFrame(frame);
  }

  #checkSilent(): void {
    if (this.#readers.size === 0) return;
    const limit = performance.now() - SILENCE_MS;
    for (const reader of this.#readers.values()) {
      if (reader.heardAt < limit) {
        reader.heardAt = performance.now();
        if (this.#reading.has(reader)) this.#readStream(reader);
        else void this.#readOnce(reader).then((found) => (this.missedDoorbells += found));
      }
    }
  }

  #readStream(reader: FrameReader): void {
    if (this.#reading.has(reader)) {
      this.#rungWhileReading.add(reader);
      return;
    }
    void this.#readOnce(reader);
  }

  /** Resolves with how many frames it has brought. */
  async #readOnce(reader: FrameReader): Promise<number> {
    const client = this.#options.commands.client;
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
      if (this.#rungWhileReading.delete(reader)) this.#readStream(reader);
    }
    return found;
  }
}

import { badInput } from '../../runtime/bad-input.ts';
import { ChurnMap } from '../../runtime/churn-map.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { FrameReader } from '../../exchange/frame-reader.ts';
import { decodeFrame, FENCE, NUDGE_ID, PART, type Frame } from '../../exchange/frames.ts';
import type { Connection } from '../connection/connection.ts';
import type { Store } from '../connection/store.ts';
import { tagOf } from '../scripts/keys.ts';
import { Doorbells } from './doorbells.ts';
import { hasNewFrames, isWrongType } from './has-new-frames.ts';

export interface InboxOptions {
  /** The connections for streams and doorbells, by the hash tag of a group. */
  readonly store: Pick<Store, 'at'>;
  /** The next heartbeat has something new to learn. */
  readonly onNudge?: () => void;
  /** A stream of the group with this tag had to be abandoned. When omitted, sizes are not checked before streams are read. */
  readonly onFault?: (tag: string, why: string) => void;
  readonly log: Logger;
}

/** A stream is read after this much silence, ms, so that a lost doorbell costs no more. */
const SILENCE_MS = 1_000;
const CHECK_MS = 250;

/** Streams that are read at the same time because of doorbells: other commands wait behind their bytes. */
const MOST_READS = 8;

/** The most frames of one read; the rest is read after the other streams. */
const MOST_FRAMES = 512;

/**
 * Delivers frames to their readers, each once and in order. Doorbells are hints that carry small frames; the stream is the
 * truth, and is read after a gap, a notice, a reconnect, or a second of silence. No lost doorbell loses a frame.
 */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #doorbells: Doorbells;
  readonly #readers = new ChurnMap<FrameReader>();
  readonly #reading = new Set<FrameReader>();
  /** Rung, but other streams are being read. */
  readonly #toRead = new Set<FrameReader>();
  /** Runs only while there are readers: an agent may have a thousand inboxes without any. */
  #timer: NodeJS.Timeout | undefined;
  /** How many doorbells were lost, or late by a second: their frames were found by reading the stream. */
  missedDoorbells = 0;

  constructor(options: InboxOptions) {
    this.#options = options;
    const { store, log } = options;
    this.#doorbells = new Doorbells({
      store,
      log,
      onFrame: (frame, prefix) => this.#onRing(frame, prefix),
      onHeard: (doorbells) => this.#readAllAt(doorbells),
    });
  }

  /** True once every reachable node is subscribed. Before that, senders must not rely on doorbells. */
  get subscribed(): boolean {
    return this.#doorbells.subscribed;
  }

  open(reader: FrameReader): void {
    this.#readers.set(reader.id, reader);
    this.#timer ??= setInterval(() => this.#checkSilent(), CHECK_MS).unref();
  }

  /** True when the request has a reader. */
  has(id: string): boolean {
    return this.#readers.has(id);
  }

  close(reader: FrameReader): void {
    if (this.#readers.get(reader.id) === reader) this.#readers.delete(reader.id);
    this.#toRead.delete(reader);
  }

  /** Listens to this channel, too. */
  listen(channel: string): void {
    this.#doorbells.listen(channel);
  }

  stopListening(channel: string): void {
    this.#doorbells.stopListening(channel);
  }

  stop(): void {
    this.#stopTimer();
    this.#readers.clear();
    this.#toRead.clear();
  }

  #readAllAt(doorbells: Connection): void {
    const { store } = this.#options;
    for (const reader of this.#readers.values()) {
      if (store.at(tagOf(reader.key), 'doorbells') === doorbells) this.#readStream(reader);
    }
  }

  #onRing(frame: Frame, prefix: string): void {
    const reader = this.#readers.get(frame.id);
    // Ids can be guessed, so a channel of one group must not reach requests of another.
    if (reader?.key.startsWith(prefix)) this.#onRung(reader, frame);
    else if (frame.id === NUDGE_ID) this.#options.onNudge?.();
  }

  #onRung(reader: FrameReader, frame: Frame): void {
    if (frame.attempt < reader.attempt) return;
    if (frame.seq === 0) {
      // The only hint; everything that must be reliable is in a stream.
      if (frame.parts === PART.handed) reader.onFrame(frame);
    } else if (frame.attempt === reader.attempt && frame.seq === reader.lastSeq + 1 && frame.parts !== 0) {
      this.#deliver(reader, frame);
    } else if (frame.attempt > reader.attempt || frame.seq > reader.lastSeq) {
      // A gap; unless what is missing is being read, because it was too large for its doorbell.
      const isGap = frame.seq > reader.lastSeq + 1 && !reader.beginsLate;
      if (isGap && !this.#isBeingRead(reader)) this.missedDoorbells += 1;
      this.#readStream(reader);
    }
  }

  /**
   * Delivers a frame that this process has for one of its own readers, without Redis. Returns false, and has done nothing, when it is
   * not the next frame of that reader.
   */
  deliverHere(key: string, frame: Frame): boolean {
    const reader = this.#readers.get(frame.id);
    if (!reader || reader.key !== key || frame.seq !== reader.lastSeq + 1) return false;
    this.#deliver(reader, frame);
    return true;
  }

  #deliver(reader: FrameReader, frame: Frame): void {
    reader.lastSeq = frame.seq;
    reader.heardAt = performance.now();
    if (frame.body && (reader.room -= frame.body.length) < 0) {
      return this.#giveUp(reader, 'its writer sends more than was granted');
    }
    reader.onFrame(frame);
  }

  #giveUp(reader: FrameReader, why: string): void {
    badInput.note('frame', reader.key);
    this.#options.onFault?.(tagOf(reader.key), why);
    this.close(reader);
    reader.onFault(why);
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
      // Rings during a read are followed by another read.
      if (this.#reading.has(reader)) continue;
      this.#toRead.delete(reader);
      void this.#readOnce(reader);
    }
  }

  /** Resolves with the number of frames that it has delivered. */
  async #readOnce(reader: FrameReader): Promise<number> {
    const { store, onFault, log } = this.#options;
    const { client } = store.at(tagOf(reader.key), 'commands');
    if (!client) return 0;
    let found = 0;
    this.#reading.add(reader);
    const { key } = reader;
    // An earlier frame of this read may close the reader, or move it to another stream.
    const isCurrent = () => reader.key === key && this.#readers.get(reader.id) === reader;
    const giveUp = (why: string) => {
      if (isCurrent()) this.#giveUp(reader, why);
      return found;
    };
    try {
      const isDue = onFault === undefined ? true : await hasNewFrames(client, reader);
      if (isDue === 'too-many') return giveUp('its writer is too far ahead');
      if (!isDue) return 0;
      const entries = await client.xrangeBuffer(key, `${reader.lastSeq + 1}-0`, '+', 'COUNT', MOST_FRAMES);
      for (const [, [, bytes]] of entries) {
        if (!isCurrent()) break;
        const { frame } = (bytes && decodeFrame(bytes)) ?? {};
        if (frame?.id !== reader.id) return giveUp('a frame cannot be read');
        if (frame.seq === reader.lastSeq + 1 || frame.seq === FENCE || reader.beginsLate) {
          found += 1;
          this.#deliver(reader, frame);
        }
      }
      if (found > 0 && entries.length === MOST_FRAMES && isCurrent()) this.#toRead.add(reader);
    } catch (error) {
      if (isWrongType(error)) return giveUp('its stream is none');
      log.debug({ err: error, id: reader.id }, 'could not read frames, trying again');
    } finally {
      this.#reading.delete(reader);
      this.#readNext();
    }
    return found;
  }
}

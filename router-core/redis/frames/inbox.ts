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
  /** Where a stream is read, and where its doorbells are heard, by the hash tag of its group. */
  readonly store: Pick<Store, 'at'>;
  /** Something has changed that the next heartbeat will tell. */
  readonly onNudge?: () => void;
  /** A stream of the group with this tag had to be given up. Left out, sizes are not looked at before streams are read. */
  readonly onFault?: (tag: string, why: string) => void;
  readonly log: Logger;
}

/** After so much silence the stream itself is read: a lost doorbell costs at most this, ms. */
const SILENCE_MS = 1_000;
const CHECK_MS = 250;

/** Streams that are read at the same time because of a doorbell: what else is asked of Redis waits behind their bytes. */
const MOST_READS = 8;

/** Frames of one reading: the rest is read after what else waits to be read. */
const MOST_FRAMES = 512;

/**
 * Brings frames to their readers, each once and in order. Doorbells are hints and carry small frames along; the stream is
 * the truth and is read after a gap, a notice, a reconnect, or a second of silence. Losing any doorbell loses nothing.
 */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #doorbells: Doorbells;
  readonly #readers = new ChurnMap<FrameReader>();
  readonly #reading = new Set<FrameReader>();
  /** Rung, and not read because others are. */
  readonly #toRead = new Set<FrameReader>();
  /** While there are readers: an agent may have a thousand inboxes that have none. */
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
    // Ids can be guessed: a channel of one group brings nothing to the requests of another.
    if (reader?.key.startsWith(prefix)) this.#onRung(reader, frame);
    else if (frame.id === NUDGE_ID) this.#options.onNudge?.();
  }

  #onRung(reader: FrameReader, frame: Frame): void {
    if (frame.attempt < reader.attempt) return;
    if (frame.seq === 0) {
      // The one hint that there is; whatever is to be believed stands in a stream.
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
      // What it was rung for while it is being read is read afterwards.
      if (this.#reading.has(reader)) continue;
      this.#toRead.delete(reader);
      void this.#readOnce(reader);
    }
  }

  /** Resolves with how many frames it has brought. */
  async #readOnce(reader: FrameReader): Promise<number> {
    const { store, onFault, log } = this.#options;
    const { client } = store.at(tagOf(reader.key), 'commands');
    if (!client) return 0;
    let found = 0;
    this.#reading.add(reader);
    const { key } = reader;
    // The reader may move on, or close, with an earlier frame of this very reading.
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

import type { Logger } from '../../runtime/logger.ts';
import { sleep } from '../../runtime/backoff.ts';
import { retry } from '../../runtime/retry.ts';
import { isServerError, RETRY_MS, type Connection } from '../connection/connection.ts';
import { AppendCommand } from './append-command.ts';
import { BULK_BYTES, type FrameStream } from '../../exchange/frame-stream.ts';
import type { Outgoing, Settlement } from '../../exchange/outgoing.ts';
import { BATCH_LIMITS, GroupCommit } from './group-commit.ts';
import type { GroupScript } from '../scripts/script-keys.ts';
import { bytesOf, decodeFrame } from '../../exchange/frames.ts';
import type { LocalInboxes } from './local-inboxes.ts';
import { listOf } from '../connection/reply-shape.ts';
import { runScript, type Script } from '../connection/run-script.ts';

export interface OutboxOptions {
  readonly connection: Connection;
  readonly script: Script;
  /** The first KEYS and ARGV, and the ARGV after them; see the head of the script. */
  readonly groupInput: () => GroupScript;
  readonly args: () => (string | number)[];
  /** Streams that may have frames to send soon; see GroupCommitOptions. */
  readonly inFlight?: () => number;
  /** Readers that need no Redis; see LocalInboxes. */
  readonly local?: LocalInboxes | undefined;
  /** Redis has settled these entries. */
  readonly onSettled?: (settlements: Settlement[]) => void;
  /** Redis refuses frames of this stream: its reader is gone, or the attempt was taken away. */
  readonly onRefused: (stream: FrameStream) => void;
  readonly log: Logger;
}

/** LOADING, READONLY and OOM pass within some ten seconds. Other errors would fail for ever and hold up all other batches. */
const MOST_REFUSALS = 100;

/** The longest pause between two tries, ms. */
const REFUSED_MS = 200;

/** A stream, or a frame that was taken from it. */
type Sendable = Pick<FrameStream, 'nextBytes' | 'take'>;

type Framed = Outgoing<FrameStream> & { readonly frame: Buffer };

function piecesOf({ frame, bulk }: Framed): Buffer[] {
  return [frame, ...bulk];
}

function wholeOf(item: Framed): Buffer {
  return item.bulk.length === 0 ? item.frame : Buffer.concat(piecesOf(item));
}

/**
 * Sends the frames of many streams in few script calls. After a cut connection a batch is sent again unchanged: a frame's
 * sequence number is its stream id, and a second settlement changes nothing, so a repeat has no effect.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #commit: GroupCommit<Sendable>;
  readonly #closing = new AbortController();

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#commit = new GroupCommit({
      ...BATCH_LIMITS,
      bytesOf: (stream) => stream.nextBytes,
      // A small answer does not wait for the bodies of hundreds of others.
      bulkBytes: BULK_BYTES,
      inFlight: options.inFlight,
      commit: (streams) => this.#deliver(streams.map((stream) => stream.take())),
    });
  }

  /** Asks this stream for its frame when the next batch is made. */
  add(stream: FrameStream): void {
    if (!this.#isShort(stream)) return this.#commit.add(stream);
    // Parts that are written together go together.
    queueMicrotask(() => (this.#isShort(stream) ? this.#sendShort(stream) : this.#commit.add(stream)));
  }

  /** True when the reader is in this process, and has everything that went through Redis. */
  #isShort(stream: FrameStream): boolean {
    return stream.isStored && this.#options.local?.find(stream.reader) !== undefined;
  }

  #sendShort(stream: FrameStream): void {
    const item = stream.take();
    const { frame } = (item.frame && decodeFrame(wholeOf(item as Framed))) ?? {};
    const hasArrived = frame && this.#options.local?.find(stream.reader)?.deliverHere(stream.outKey, frame);
    if (!hasArrived) return this.#addTaken(item);
    if (item.settle || item.trimTo > 0) this.#addTaken({ ...item, frame: undefined, bulk: [], notice: '' });
    else stream.stored();
  }

  #addTaken(item: Outgoing<FrameStream>): void {
    this.#commit.add({ nextBytes: bytesOf(item.bulk), take: () => item });
  }

  /** Resolves when Redis has taken everything, or the signal aborts. */
  async drained(signal: AbortSignal): Promise<void> {
    while (this.#commit.busy && !signal.aborted) await sleep(5, signal);
  }

  close(): void {
    this.#closing.abort();
  }

  async #deliver(batch: Outgoing<FrameStream>[]): Promise<void> {
    const { connection, script, log } = this.#options;
    const frames = batch.filter((item): item is Framed => item.frame !== undefined);
    let bulk = frames.filter((item) => item.bulk.length > 0);
    let call = this.#call(batch, frames, bulk.length === 0);
    const { signal } = this.#closing;
    const send = async () => {
      const client = connection.client ?? (await connection.ready(signal));
      if (!client) return;
      const ahead = bulk.map((item) => new AppendCommand(item.stream.outKey, item.seq, piecesOf(item)));
      const refused = listOf(await runScript(client, script, call.keys, call.args, ahead));
      for (const number of refused) {
        const stream = frames[Number(number) - 1]?.stream;
        if (stream) this.#options.onRefused(stream);
      }
      for (const item of batch) item.stream.stored();
      if (call.settlements.length > 0) this.#options.onSettled?.(call.settlements);
    };
    const onFailure = (error: unknown) => {
      if (!isServerError(error) || bulk.length === 0) return;
      // A full Redis still accepts the writes of scripts, and no others.
      bulk = [];
      call = this.#call(batch, frames, true);
    };
    let refusals = 0;
    const isRetried = (error: unknown) => !isServerError(error) || ++refusals <= MOST_REFUSALS;
    try {
      await retry(send, { signal, minMs: RETRY_MS, maxMs: REFUSED_MS, isRetried, onFailure });
    } catch (error) {
      log.error({ err: error, frames: frames.length }, 'Redis refuses frames, giving them up');
      for (const item of batch) this.#options.onRefused(item.stream);
    }
  }

  #call(
    batch: Outgoing<FrameStream>[],
    frames: Framed[],
    withBulk: boolean,
  ): { keys: string[]; args: (string | number | Buffer)[]; settlements: Settlement[] } {
    const groupInput = this.#options.groupInput();
    const keys = [...groupInput.keys];
    const trims: Outgoing<FrameStream>[] = [];
    const settlements: Settlement[] = [];
    for (const item of batch) {
      if (item.trimTo > 0) trims.push(item);
      if (item.settle) settlements.push(item.settle);
    }
    const args: (string | number | Buffer)[] = [...groupInput.args, ...this.#options.args(), frames.length];
    for (const item of frames) {
      const { stream, seq, bulk, notice } = item;
      keys.push(stream.outKey);
      args.push(stream.reader, seq, withBulk || bulk.length === 0 ? wholeOf(item) : '', notice);
    }
    for (const { trimKey, trimTo } of trims) {
      keys.push(trimKey);
      args.push(trimTo);
    }
    for (const { entry, permit } of settlements) args.push(entry, permit);
    return { keys, args, settlements };
  }
}

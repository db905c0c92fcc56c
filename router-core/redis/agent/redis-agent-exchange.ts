import type { AgentExchange, ExchangeHandlers, OwnedRequest } from '../../exchange/agent-link.ts';
import type { FrameReader } from '../../exchange/frame-reader.ts';
import { FrameStream, WINDOW_BYTES } from '../../exchange/frame-stream.ts';
import { PART, type Frame } from '../../exchange/frames.ts';
import type { GroupKeys } from '../scripts/keys.ts';
import type { ResumePoint } from '../../exchange/resume-point.ts';
import { FrameOffsets } from './frame-offsets.ts';
import type { HeldRequest, TakenReason } from './held-requests.ts';
import { entryOf } from './pulled-requests.ts';
import type { Resumption } from './resumption.ts';

/** The parts of its link that an exchange uses. */
export interface ExchangeHost {
  readonly keys: GroupKeys;
  /** The stream has frames to send. */
  send(stream: FrameStream): void;
  /** Its settlement is on its way. */
  settling(entry: string): void;
  /** It is settled, requeued or taken away. */
  dropped(exchange: RedisAgentExchange): void;
  /** Its hub has not been heard of. */
  abandoned(request: OwnedRequest): void;
}

const AT_START = { came: 0, consumed: 0 };

/** One attempt at its instance: the reply that goes out, the request that comes in, and the entry that is settled at the end. */
export class RedisAgentExchange implements AgentExchange, HeldRequest {
  readonly id: string;
  readonly attempt: number;
  readonly hub: string;
  readonly entry: string;
  readonly expiresAt: number;
  readonly reply: FrameStream;
  readonly reader: FrameReader;
  readonly #request: OwnedRequest;
  #handlers: ExchangeHandlers;
  readonly #host: ExchangeHost;
  /** Takes the frames of an adopted request until it goes on. */
  #resumption: Resumption | undefined;
  /** Frames of the request's body, when any of it follows. */
  #offsets: FrameOffsets | undefined;

  constructor(
    request: OwnedRequest,
    handlers: ExchangeHandlers,
    host: ExchangeHost,
    resumption?: Resumption,
  ) {
    const { id, attempt, hub } = request;
    const now = performance.now();
    this.id = id;
    this.attempt = attempt;
    this.hub = hub;
    this.entry = entryOf(request);
    this.expiresAt = now + request.remainingMs;
    this.#request = request;
    this.#handlers = handlers;
    this.#host = host;
    this.#resumption = resumption;
    this.reply = new FrameStream({
      id,
      attempt,
      outKey: host.keys.down(id, attempt),
      inKey: host.keys.up(id),
      reader: hub,
      credit: resumption ? 0 : WINDOW_BYTES,
      onPending: (stream) => host.send(stream),
      onWritable: () => this.#handlers.onWritable(),
      settle: { entry: this.entry, permit: `${id}:${attempt}` },
      onSettled: () => this.#onSettled(),
      onStored: resumption || handlers.onStored ? (stored) => this.#handlers.onStored?.(stored) : undefined,
    });
    this.reader = {
      id,
      attempt,
      key: host.keys.up(id),
      lastSeq: 0,
      heardAt: now,
      beginsLate: resumption !== undefined,
      // Hubs keep to what they were granted.
      room: Infinity,
      onFrame: (frame) => this.#onFrame(frame),
      onFault: (why) => {
        this.reply.fail('upstream-failed', why);
        this.#handlers.onStop(why);
      },
    };
  }

  consume(bytes: number): void {
    this.reply.consume(bytes, this.#offsetsOf().consume(bytes));
  }

  /** An adopted request goes on, at the end of this turn: from now on these hear of it. `have` as in Resumption. */
  resume(handlers: ExchangeHandlers, { asked }: ResumePoint, have: number): void {
    const resumption = this.#resumption;
    this.#offsets = new FrameOffsets({ came: have, consumed: Math.max(0, asked - WINDOW_BYTES) });
    queueMicrotask(() => {
      this.#resumption = undefined;
      this.#handlers = handlers;
      this.reader.beginsLate = false;
      resumption?.handOver((frame) => this.#onFrame(frame), handlers);
    });
  }

  abandon(): void {
    this.reply.abandon();
    this.#drop();
  }

  onTaken(why: TakenReason): void {
    if (why !== 'over') this.abandon();
    if (why === 'abandoned') this.#host.abandoned(this.#request);
    this.#handlers.onStop(why);
  }

  #offsetsOf(): FrameOffsets {
    return (this.#offsets ??= new FrameOffsets(AT_START));
  }

  #onSettled(): void {
    this.#host.settling(this.entry);
    this.#drop();
  }

  #drop(): void {
    this.#host.dropped(this);
    this.#handlers.onSettled();
  }

  #onFrame(frame: Frame): void {
    if (this.#resumption) return this.#resumption.keep(frame);
    const handlers = this.#handlers;
    if (frame.parts & PART.stop) return handlers.onStop('cancelled');
    if (frame.credit > 0) this.reply.credited(frame.credit);
    if (frame.body) {
      // The end is not trimmed: whoever adopts the request has to hear of it.
      if (frame.end === undefined) this.#offsetsOf().came(frame.seq, frame.body.length);
      handlers.onBody(frame.body);
    }
    if (frame.failed !== undefined) handlers.onStop(frame.failed);
    if (frame.end !== undefined) handlers.onBodyEnd(frame.end);
  }
}

import type { AgentExchange, ExchangeHandlers, PulledRequest } from '../../exchange/agent-link.ts';
import type { FrameReader } from '../../exchange/frame-reader.ts';
import { FrameStream, WINDOW_BYTES } from '../../exchange/frame-stream.ts';
import { PART, type Frame } from '../../exchange/frames.ts';
import type { GroupKeys } from '../scripts/keys.ts';
import type { HeldRequest, TakenReason } from './held-requests.ts';
import { entryOf } from './pulled-requests.ts';

/** What an exchange asks of its link. */
export interface ExchangeHost {
  readonly keys: GroupKeys;
  /** The stream has something to send. */
  send(stream: FrameStream): void;
  /** Its settlement is on its way. */
  settling(entry: string): void;
  /** It is settled, requeued or taken away. */
  dropped(exchange: RedisAgentExchange): void;
  /** Its hub has not been heard of. */
  abandoned(request: PulledRequest): void;
}

/** One attempt at its instance: the reply that goes out, the request that comes in, and the entry that is settled at the end. */
export class RedisAgentExchange implements AgentExchange, HeldRequest {
  readonly id: string;
  readonly attempt: number;
  readonly hub: string;
  readonly entry: string;
  readonly expiresAt: number;
  readonly reply: FrameStream;
  readonly reader: FrameReader;
  readonly #request: PulledRequest;
  readonly #handlers: ExchangeHandlers;
  readonly #host: ExchangeHost;

  constructor(request: PulledRequest, handlers: ExchangeHandlers, host: ExchangeHost) {
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
    this.reply = new FrameStream({
      id,
      attempt,
      outKey: host.keys.down(id, attempt),
      inKey: host.keys.up(id),
      reader: hub,
      credit: WINDOW_BYTES,
      onPending: (stream) => host.send(stream),
      onWritable: () => handlers.onWritable(),
      settle: { entry: this.entry, permit: `${id}:${attempt}` },
      onSettled: () => this.#onSettled(),
    });
    this.reader = {
      id,
      attempt,
      key: host.keys.up(id),
      lastSeq: 0,
      heardAt: now,
      // Hubs keep to what they were granted.
      room: Infinity,
      onFrame: (frame) => this.#onFrame(frame),
      onFault: (why) => {
        this.reply.fail('upstream-failed', why);
        handlers.onStop(why);
      },
    };
  }

  consume(bytes: number): void {
    this.reply.consume(bytes, this.reader.lastSeq);
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

  #onSettled(): void {
    this.#host.settling(this.entry);
    this.#drop();
  }

  #drop(): void {
    this.#host.dropped(this);
    this.#handlers.onSettled();
  }

  #onFrame(frame: Frame): void {
    const handlers = this.#handlers;
    if (frame.parts & PART.stop) return handlers.onStop('cancelled');
    if (frame.credit > 0) this.reply.credited(frame.credit);
    if (frame.body) handlers.onBody(frame.body);
    if (frame.failed !== undefined) handlers.onStop(frame.failed);
    if (frame.end !== undefined) handlers.onBodyEnd(frame.end);
  }
}

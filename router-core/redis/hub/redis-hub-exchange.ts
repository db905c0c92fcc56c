import type { FrameReader } from '../../exchange/frame-reader.ts';
import { ROOM_BYTES, WINDOW_BYTES, type FrameStream } from '../../exchange/frame-stream.ts';
import { encodeFrame, PART, type Frame } from '../../exchange/frames.ts';
import { encodeRequestHead, isInterimHead } from '../../exchange/heads.ts';
import { readOwner } from '../../exchange/reply-owner.ts';
import type {
  Admission,
  HubExchange,
  HubExchangeHandlers,
  RequestParts,
  Terms,
  Upload,
  Whereabouts,
} from '../../exchange/hub-exchange.ts';
import type { OpenRequest } from '../../exchange/hub-link.ts';
import type { Inbox } from '../frames/inbox.ts';
import { continuedOf, movedOf, type Continued } from './fences.ts';
import type { GroupQueue } from './group-queue.ts';

export interface RedisHubExchangeOptions {
  readonly request: OpenRequest;
  readonly queue: GroupQueue;
  readonly inbox: Inbox;
  readonly handlers: HubExchangeHandlers;
}

/** A request is requeued at most so often, whoever asks for it. */
const MOST_MOVES = 10_000;

/** One request in Redis: its place, its attempt, and the state of reading that attempt's stream. */
export class RedisHubExchange implements HubExchange, FrameReader {
  readonly id: string;
  attempt = 1;
  key: string;
  lastSeq = 0;
  heardAt = performance.now();
  room = ROOM_BYTES;
  heard = 0;
  readonly #options: RedisHubExchangeOptions;
  /** The last known place of the request; see admit.lua. */
  #place = '';
  /** The instance that is rung for this request. */
  #owner = '';
  /** Attempts that have certainly not reached an upstream. */
  #uncounted = 0;
  #isAdmitted = false;
  /** Frames to the agent; made when the first one is needed. */
  #stream: FrameStream | undefined;
  #onWritable: (() => void) | undefined;
  /** Bytes of the reply that the client has taken and that were not yet granted to the agent. */
  #taken = 0;
  /** Bytes of the reply's body that have come, over all its streams. */
  #received = 0;
  #headSeen = false;

  constructor(options: RedisHubExchangeOptions) {
    this.#options = options;
    this.id = options.request.id;
    this.key = options.queue.replyKey(this.id, 1);
  }

  admit({ head, body, trailers }: RequestParts, terms: Terms): Promise<Admission> {
    this.#options.inbox.open(this);
    const payload = encodeFrame(this.id, 1, 0, { head: encodeRequestHead(head), body, end: trailers });
    return this.#admit(payload, trailers === undefined, terms);
  }

  readmit(returned: Buffer, terms: Terms): Promise<Admission> {
    return this.#admit(returned, false, terms);
  }

  async #admit(payload: Buffer, bodyFollows: boolean, terms: Terms): Promise<Admission> {
    const { queue, request, handlers } = this.#options;
    const admitted = queue.admit({
      id: this.id,
      payload,
      attempt: this.attempt,
      attempts: request.attempts + this.#uncounted,
      scope: request.scope,
      repeatable: terms.isRepeatable,
      bodyFollows,
      deadlineMs: terms.deadlineMs,
      waitMs: terms.waitMs,
      wanted: () => !handlers.done,
    });
    this.#isAdmitted = true;
    const admission = await admitted;
    // The hint of a hand-over may have come first, and is newer.
    if ('place' in admission && this.#place === '') this.#place = admission.place;
    return admission.outcome;
  }

  nextAttempt(isCounted: boolean): boolean {
    const { request } = this.#options;
    // No script does either of these.
    if (isCounted && this.attempt - this.#uncounted >= request.attempts) return false;
    return this.#goOn(isCounted, '', '');
  }

  /** Reads the stream of the next attempt from now on. */
  #goOn(isCounted: boolean, owner: string, place: string): boolean {
    if (this.attempt >= MOST_MOVES) return false;
    if (!isCounted) this.#uncounted += 1;
    this.attempt += 1;
    this.lastSeq = 0;
    this.key = this.#options.queue.replyKey(this.id, this.attempt);
    this.#place = place;
    this.#owner = owner;
    return true;
  }

  cancel(): Promise<Whereabouts> {
    return this.#options.queue.cancel(this.id, this.#place);
  }

  leave(): Promise<Whereabouts> {
    return this.#options.queue.leave(this.id, this.#place);
  }

  look(): Promise<Whereabouts> {
    return this.#options.queue.look(this.id, this.#place);
  }

  openUpload(credit: number, onWritable: () => void): Upload {
    // There may be one already that has granted the reply.
    const stream = this.#openStream();
    stream.credited(credit);
    this.#onWritable = onWritable;
    return stream;
  }

  /** Small replies never need a grant. */
  consumed(bytes: number): void {
    this.#taken += bytes;
    this.room += bytes;
    if (this.#taken < WINDOW_BYTES / 4) return;
    this.#openStream().consume(this.#taken, this.lastSeq);
    this.#taken = 0;
  }

  close(isAnswered: boolean): void {
    const { inbox, queue } = this.#options;
    inbox.close(this);
    this.#stream?.close();
    if (!this.#isAdmitted) return;
    // The up stream of a cancelled request stays: it stops the agent when the doorbell is lost.
    queue.forget(this.id, this.attempt, isAnswered && (this.#stream?.used ?? false));
  }

  onFrame(frame: Frame): void {
    const { handlers } = this.#options;
    if (handlers.done) return;
    try {
      this.#take(frame, handlers);
    } catch (error) {
      handlers.fault(error);
    }
  }

  onFault(why: string): void {
    this.#options.handlers.onFault(why);
  }

  #take(frame: Frame, handlers: HubExchangeHandlers): void {
    const { handed, failed, owner, credit } = frame;
    if (handed !== undefined) {
      this.#place = handed;
      return handlers.onHanded();
    }
    this.heard += 1;
    if (frame.parts & PART.stop) {
      const continued = continuedOf(frame);
      return continued ? this.#continue(continued, handlers) : handlers.onMoved(movedOf(frame));
    }
    if (failed !== undefined) {
      const [code = '', detail = ''] = failed.split('\n', 2);
      return handlers.onFailed(code, detail);
    }
    const names = owner === undefined ? undefined : readOwner(owner);
    if (names) {
      this.#owner = names.rung;
      if (this.#stream) this.#stream.reader = names.rung;
    } else if (owner !== undefined) {
      return handlers.onFault('it names no instance');
    }
    if (credit > 0) {
      if (this.#onWritable) this.#openStream().credited(credit);
      else handlers.onBodyAsked(credit);
    }
    if (frame.head !== undefined && !isInterimHead(frame.head)) this.#headSeen = true;
    if (frame.body) this.#received += frame.body.length;
    handlers.onReply(names ? { ...frame, owner: names.shown } : frame);
  }

  /**
   * Another relay goes on with the request: it writes a stream of its own, from where this hub is. All that was written before
   * stands in front of the fence, so it has been read.
   */
  #continue({ owner, place, begun }: Continued, handlers: HubExchangeHandlers): void {
    if (!this.#goOn(false, owner, place)) return handlers.onFault('it has changed its relay too often');
    // The doorbell that said so may have been lost.
    handlers.onHanded();
    // Without a frame in either direction there is nothing to say, and nothing that keeps the request from running again.
    if (!begun) return;
    this.#taken = 0;
    const { attempt } = this;
    const inKey = this.key;
    // The room is short of the bytes that the client has not taken.
    const upTo = this.#received + this.room - (ROOM_BYTES - WINDOW_BYTES);
    const point = { received: this.#received, headSeen: this.#headSeen, upTo };
    this.#openStream().resume({ attempt, inKey, reader: owner }, point);
  }

  #openStream(): FrameStream {
    const { id, attempt } = this;
    const onWritable = () => this.#onWritable?.();
    this.#stream ??= this.#options.queue.openStream({ id, attempt, reader: this.#owner, onWritable });
    return this.#stream;
  }
}

import type { ExchangeHandlers } from '../../exchange/agent-link.ts';
import { WINDOW_BYTES } from '../../exchange/frame-stream.ts';
import { PART, type Frame } from '../../exchange/frames.ts';
import { decodeResumePoint, type ResumePoint } from '../../exchange/resume-point.ts';

/** Where both bodies begin when there was no frame in either direction. */
export const BEGINNING: ResumePoint = {
  received: 0,
  headSeen: false,
  upTo: WINDOW_BYTES,
  sent: 0,
  asked: 0,
};

export interface ResumptionOptions {
  readonly attempt: number;
  /** Bytes of the rest of the request's body that the agent has received. */
  readonly have: number;
  /** Undefined: the client's hub will say it. */
  readonly point: ResumePoint | undefined;
  /** The hub has so long to say it, ms. */
  readonly timeoutMs: number;
}

/**
 * Keeps what comes for an adopted request before its relay opens it. The client's hub says how far both bodies are; until then, frames
 * are kept that the former relay may not have brought to the agent.
 */
export class Resumption implements ExchangeHandlers {
  /** Where the agent goes on; undefined: it does not, because of `fault`, or because the request is over. */
  readonly point: Promise<ResumePoint | undefined>;
  fault: string | undefined;
  readonly #attempt: number;
  readonly #have: number;
  readonly #timer: NodeJS.Timeout;
  #settle: (point: ResumePoint | undefined) => void = () => undefined;
  #isFound = false;
  #kept: Frame[] = [];
  #keptBytes = 0;
  #lastSeq = 0;
  /** Other news for the relay. */
  readonly #news: ((handlers: ExchangeHandlers) => void)[] = [];

  constructor({ attempt, have, point, timeoutMs }: ResumptionOptions) {
    this.#attempt = attempt;
    this.#have = have;
    this.point = new Promise((resolve) => (this.#settle = resolve));
    this.#timer = setTimeout(
      () => this.#fail('its hub does not say how far the reply is'),
      timeoutMs,
    ).unref();
    if (point) this.#found(point);
  }

  /** A frame of the hub has come. */
  keep(frame: Frame): void {
    if (frame.parts & PART.stop) return this.onStop('cancelled');
    if (this.#isFound) return void this.#kept.push(frame);
    // Missing frames were trimmed: the agent has them.
    if (frame.seq !== this.#lastSeq + 1) this.#forget();
    this.#lastSeq = frame.seq;
    const point = frame.attempt === this.#attempt ? decodeResumePoint(frame.head ?? '') : undefined;
    if (!point) return this.#keep({ ...frame, credit: 0 });
    this.#found(point);
    this.#kept.push(frame);
  }

  /** The relay goes on with the request: it gets the frames that its agent lacks, and hears what it has missed. */
  handOver(take: (frame: Frame) => void, handlers: ExchangeHandlers): void {
    for (const frame of this.#kept) take(frame);
    for (const tell of this.#news) tell(handlers);
  }

  onBody(): void {
    // Frames do not get so far.
  }

  onBodyEnd(): void {
    // Nor do they.
  }

  onWritable(): void {
    this.#news.push((handlers) => handlers.onWritable());
  }

  onStop(why: string): void {
    this.#news.push((handlers) => handlers.onStop(why));
    this.#end(undefined);
  }

  onSettled(): void {
    this.#news.push((handlers) => handlers.onSettled());
    this.#end(undefined);
  }

  #found(point: ResumePoint): void {
    this.#isFound = true;
    const from = point.sent - this.#keptBytes;
    const { sent } = point;
    if (this.#have < from) return this.#fail(`its agent has ${this.#have} bytes, and ${from} are gone`);
    if (this.#have > sent) return this.#fail(`its agent has ${this.#have} bytes, and ${sent} were sent`);
    this.#kept = cutBefore(this.#have - from, this.#kept);
    this.#end(point);
  }

  #fail(why: string): void {
    this.fault = why;
    this.#end(undefined);
  }

  #end(point: ResumePoint | undefined): void {
    clearTimeout(this.#timer);
    this.#settle(point);
  }

  #keep(frame: Frame): void {
    this.#kept.push(frame);
    this.#keptBytes += frame.body?.length ?? 0;
  }

  #forget(): void {
    this.#kept = [];
    this.#keptBytes = 0;
  }
}

/** These frames without so many of their first body bytes. */
function cutBefore(bytes: number, frames: readonly Frame[]): Frame[] {
  let left = Math.max(0, bytes);
  return frames.map((frame) => {
    const { body } = frame;
    const cut = Math.min(left, body?.length ?? 0);
    left -= cut;
    return cut === 0 ? frame : { ...frame, body: cut === body?.length ? undefined : body?.subarray(cut) };
  });
}

import { InvalidReplyError } from '../http/reply-fields.ts';
import { ReplyParser, type ReplySink } from '../http/reply-parser.ts';
import { answer, type Call } from './slime-calls.ts';

/** A read with more chunks than this took so long that others come first. */
const MANY_CHUNKS = 512;

export interface SubmissionOptions {
  readonly call: Call;
  /** The method of the request that is answered. */
  readonly method: string;
  readonly sink: ReplySink;
  /** The agent has sent no whole reply. `isInvalid`: what came is no reply at all. */
  readonly onBroken: (why: string, isInvalid: boolean) => void;
}

/** A submit: the reply of the upstream, one HTTP/1.1 message, read as it comes. */
export class Submission {
  readonly #options: SubmissionOptions;
  readonly #parser = new ReplyParser();
  #isOver = false;
  /** Nobody has room for more. */
  #isFull = false;

  constructor(options: SubmissionOptions) {
    this.#options = options;
    const { call, method, sink } = options;
    const { request, response } = call;
    this.#parser.expect(method, sink);
    request.on('data', (bytes: Buffer) => this.#take(bytes));
    request.on('end', () => this.#guarded(() => this.#parser.close()));
    if (response.destroyed) this.#break('the agent has broken off its submit', false);
    response.once('close', () => this.#break('the agent has broken off its submit', false));
  }

  pause(): void {
    this.#isFull = true;
    this.#options.call.request.pause();
  }

  resume(): void {
    this.#isFull = false;
    if (!this.#isOver) this.#options.call.request.resume();
  }

  /** All was taken, or nobody wants more. An agent of slime takes any other status for the end of its worker. */
  finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    answer(this.#options.call, 200);
  }

  #take(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#guarded(() => this.#parser.take(bytes));
    if (this.#parser.chunksTaken < MANY_CHUNKS || this.#isFull || this.#isOver) return;
    const { request } = this.#options.call;
    request.pause();
    setImmediate(() => {
      if (!this.#isFull) request.resume();
    });
  }

  #guarded(act: () => void): void {
    if (this.#isOver) return;
    try {
      act();
    } catch (error) {
      if (!(error instanceof InvalidReplyError)) throw error;
      this.#break(error.message, true);
    }
  }

  #break(why: string, isInvalid: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.onBroken(why, isInvalid);
  }
}

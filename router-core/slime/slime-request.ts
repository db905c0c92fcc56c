import type {
  AgentExchange,
  AgentLink,
  ExchangeHandlers,
  OwnedRequest,
  PulledRequest,
} from '../exchange/agent-link.ts';
import { WINDOW_BYTES } from '../exchange/frame-stream.ts';
import type { ResumePoint } from '../exchange/resume-point.ts';
import { relayedOwner } from '../exchange/reply-owner.ts';
import { ReplySender } from './reply-sender.ts';
import { RequestMessageWriter } from './request-message.ts';
import { answer, REFUSALS, type Call } from './slime-calls.ts';
import { Submission } from './submission.ts';

export interface SlimeRequestOptions {
  readonly link: AgentLink;
  readonly request: OwnedRequest;
  /** Undefined when a worker has it already, from another hub. */
  readonly pulled: PulledRequest | undefined;
  readonly open: (handlers: ExchangeHandlers) => AgentExchange;
  /** The method of the request: the reply to HEAD has no body. */
  readonly method: string;
  readonly ticket: string;
  /** Name of the agent's instance, and its number. */
  readonly agent: { readonly instance: string; readonly id: string };
  /** Its slot is free. `comesBack`: its worker asks for the next request at once. Called once. */
  readonly onOver: (request: SlimeRequest, comesBack: boolean) => void;
}

/**
 * One request at an agent of slime. It is held until a worker is back (`deliver`), then runs at the agent, where nobody sees it, and ends
 * with the submit of its reply.
 */
export class SlimeRequest implements ExchangeHandlers {
  readonly ticket: string;
  readonly #options: SlimeRequestOptions;
  readonly #exchange: AgentExchange;
  readonly #reply: ReplySender;
  #message: RequestMessageWriter | undefined;
  #submission: Submission | undefined;
  #isOver = false;
  #isLost = false;

  constructor(options: SlimeRequestOptions) {
    const { link, open, agent } = (this.#options = options);
    this.ticket = options.ticket;
    this.#exchange = open(this);
    this.#reply = new ReplySender({
      reply: this.#exchange.reply,
      owner: relayedOwner(link.instance, agent.instance),
      agentId: agent.id,
      onFull: () => this.#submission?.pause(),
    });
  }

  get id(): string {
    return this.#options.request.id;
  }

  /** A worker has it, and has not answered. */
  get isOut(): boolean {
    return this.#message !== undefined && this.#submission === undefined && !this.isOver;
  }

  /** Nobody awaits a reply from here any more. */
  get isOver(): boolean {
    return this.#isOver || this.#isLost;
  }

  /** Ends what must not run. To be called once its agent counts it. */
  check(): void {
    const { request, pulled } = this.#options;
    if (request.remainingMs <= 0) this.onStop();
    else if (pulled?.mayHaveRun)
      this.#exchange.reply.fail('agent-lost', 'another Redis has taken over since');
  }

  /** A worker is there: the request is the answer to its accept. */
  deliver(call: Call): void {
    const { pulled, ticket } = this.#options;
    if (!pulled) return answer(call, 204);
    try {
      this.#message = new RequestMessageWriter(call, pulled, ticket);
    } catch (error) {
      answer(call, 204);
      return this.#exchange.reply.fail('upstream-failed', (error as Error).message);
    }
    this.#reply.started();
    this.#message.onCut(() => void this.lose('agent-lost', 'the agent has closed its connection'));
    // The rest of a body is asked for only now: until then the request can still move.
    if (this.#message.follows) this.#reply.ask(WINDOW_BYTES);
  }

  /** Its worker had it from another hub. Not what it has sent there, and the rest of an upload, can go on here. */
  takeOver({ headSeen, asked, sent }: ResumePoint): void {
    this.#reply.started();
    if (headSeen || sent > 0 || asked > 0)
      void this.lose('agent-lost', 'its agent had it from another hub, and cannot begin its reply again');
  }

  /** Its worker has the reply, or the beginning of one. */
  submit(call: Call): void {
    if (this.isOver) return answer(call, 200);
    if (this.#submission) return answer(call, REFUSALS.twice.status, REFUSALS.twice.detail);
    this.#submission = new Submission({
      call,
      method: this.#options.method,
      sink: this.#reply,
      onBroken: (why, isInvalid) => {
        if (isInvalid) answer(call, REFUSALS['bad-reply'].status, REFUSALS['bad-reply'].detail);
        void this.lose('upstream-failed', why);
      },
    });
  }

  /** Nobody will answer it: without a worker it goes to somebody else, otherwise if that is safe. `code`: what its client is told, else. */
  async lose(code: 'upstream-failed' | 'agent-lost', detail: string): Promise<void> {
    if (this.#isOver || this.#isLost) return;
    this.#isLost = true;
    const { link, request, pulled } = this.#options;
    const why = this.#message || !pulled ? 'failed' : 'unstarted';
    this.#message?.cut();
    const moved = !this.#reply.hasBegun && (await link.requeue(request, why, detail));
    if (moved) this.#exchange.abandon();
    else this.#exchange.reply.fail(code, detail);
  }

  onBody(chunk: Buffer): void {
    this.#guarded(() =>
      this.#message?.write(chunk, (error) => {
        if (!error) this.#exchange.consume(chunk.length);
      }),
    );
  }

  onBodyEnd(trailers: string): void {
    this.#guarded(() => this.#message?.end(trailers));
  }

  /** Its worker cannot be told before it submits. */
  onStop(): void {
    if (this.#isOver) return;
    this.#message?.cut();
    this.#exchange.reply.close();
  }

  onWritable(): void {
    this.#submission?.resume();
  }

  onSettled(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#message?.cut();
    this.#submission?.finish();
    this.#options.onOver(this, this.#submission !== undefined);
  }

  /** The body is not what was announced. */
  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#message?.cut();
      this.#exchange.reply.fail('upstream-failed', (error as Error).message);
    }
  }
}

import type { ReplyStream } from '../exchange/agent-link.ts';
import { encodeReplyHead, MOST_INTERIM_HEADS } from '../exchange/heads.ts';
import { withoutFields } from '../http/field-lines.ts';
import { forwardReplyFields } from '../http/forward-reply.ts';
import { nominatedFields } from '../http/hop-by-hop.ts';
import type { Fields } from '../http/reply-fields.ts';
import type { ReplySink } from '../http/reply-parser.ts';
import { forwardTrailers } from '../http/trailers.ts';

export interface ReplySenderOptions {
  readonly reply: ReplyStream;
  /** Who answers, as the first frame says it. */
  readonly owner: string;
  /** Number of the worker. */
  readonly agentId: string;
  /** Nothing more may come before there is room again. */
  readonly onFull: () => void;
}

const withoutAgentId = withoutFields(['slime-agent-id']);
const withoutFraming = withoutFields(['Content-Length', 'Trailer']);

/** Turns the reply that an agent submits into frames, as it comes. */
export class ReplySender implements ReplySink {
  readonly #options: ReplySenderOptions;
  #startedAt = 0;
  #interims = 0;
  #fields: Fields | undefined;

  constructor(options: ReplySenderOptions) {
    this.#options = options;
  }

  /** Something of a reply has been sent: nobody else may make it. */
  get hasBegun(): boolean {
    return this.#fields !== undefined || this.#interims > 0;
  }

  /** The agent has the request. */
  started(): void {
    this.#startedAt = performance.now();
  }

  /** Asks for so many bytes of the rest of the request's body. */
  ask(credit: number): void {
    const { reply, owner } = this.#options;
    reply.start({ owner, credit });
  }

  onInterim(status: number, reason: string, fields: Fields): void {
    if (this.#interims++ >= MOST_INTERIM_HEADS) return;
    const { reply, owner } = this.#options;
    reply.interim(owner, this.#head(status, reason, withoutFraming(forwardReplyFields(fields))));
  }

  onHead(status: number, reason: string, fields: Fields): void {
    this.#fields = fields;
    const { reply, owner, agentId } = this.#options;
    const lines = `${withoutAgentId(forwardReplyFields(fields))}slime-agent-id: ${agentId}\r\n`;
    reply.start({ owner, head: this.#head(status, reason, lines) });
  }

  onBody(bytes: Buffer): void {
    const { reply, onFull } = this.#options;
    // A copy: the parser may use the bytes again.
    if (!reply.write(Buffer.from(bytes))) onFull();
  }

  onEnd(raw: Fields): void {
    const { reply } = this.#options;
    const trailers = forwardTrailers(raw, nominatedFields(this.#fields ?? []));
    if (trailers instanceof Error) reply.fail('upstream-failed', trailers.message);
    else reply.end(trailers.join('\n'));
  }

  #head(status: number, reason: string, fields: string): string {
    const upstreamMs = Math.round((performance.now() - this.#startedAt) * 10) / 10;
    return encodeReplyHead({ status, reason, upstreamMs, fields });
  }
}

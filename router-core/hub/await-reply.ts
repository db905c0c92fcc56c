import type { HubExchangeHandlers, Moved, ReplyParts } from '../exchange/hub-exchange.ts';
import { isProblemCode } from '../http/problems.ts';
import { isInterimHead } from '../exchange/heads.ts';
import { awaitHead, awaitHeadOnly, awaitSlot } from './await-slot.ts';
import { enqueueAgain } from './enqueue-request.ts';
import type { Exchange } from './exchange.ts';
import { pumpBody } from './request-body.ts';
import { refuseReply, sendBody, sendEnd, sendHead, sendInterim } from './send-response.ts';

/** Acts on the news of one request. */
export class ReplyHandlers implements HubExchangeHandlers {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get done(): boolean {
    return this.#exchange.done;
  }

  onHanded(): void {
    const { state } = this.#exchange;
    if (state === 'waiting' || state === 'admitting') awaitHead(this.#exchange);
  }

  onMoved(moved: Moved): void {
    takeMove(this.#exchange, moved);
  }

  /** The agent has started and asks for the rest of the body. */
  onBodyAsked(credit: number): void {
    const { body, request } = this.#exchange;
    request.askForBody();
    const { rest } = body;
    if (rest) pumpBody(this.#exchange, rest, credit);
  }

  onFailed(code: string, detail: string): void {
    const { id, attempts, context } = this.#exchange;
    const said = { code: code.slice(0, 100), detail: detail.slice(0, 500) };
    context.log.info({ id, ...said, agent: attempts.owner }, 'a request has failed at its agent');
    this.#exchange.fail(isProblemCode(code) ? code : 'upstream-failed');
  }

  onReply(parts: ReplyParts): void {
    takeReply(this.#exchange, parts);
  }

  onFault(why: string): void {
    refuseReply(this.#exchange, why, NO_END);
  }

  fault(error: unknown): void {
    this.#exchange.fault(error);
  }
}

function takeReply(exchange: Exchange, parts: ReplyParts): void {
  const { owner, head, body, end } = parts;
  const isInterim = head !== undefined && isInterimHead(head);
  if (owner !== undefined) {
    exchange.attempts.pulledBy(owner);
    if (isInterim) awaitHeadAfterInterim(exchange);
    else if (head === undefined) awaitHeadOf(exchange);
  }
  if (head !== undefined) {
    if (exchange.state === 'replying') return void refuseReply(exchange, 'a second head', parts);
    if (isInterim) return sendInterim(exchange, parts);
    if (sendHead(exchange, parts)) return;
  }
  if (body && !sendBody(exchange, parts, body)) return;
  if (end !== undefined) sendEnd(exchange, parts, end);
}

/** The agent has pulled the request, and calls its upstream. */
function awaitHeadOf(exchange: Exchange): void {
  const { state } = exchange;
  if (state === 'waiting' || state === 'admitting' || state === 'handed') awaitHead(exchange);
}

/** The agent has been calling its upstream for some time. */
function awaitHeadAfterInterim(exchange: Exchange): void {
  if (exchange.state === 'handed') awaitHeadOnly(exchange);
  else awaitHeadOf(exchange);
}

/** The agent was lost, or did not run the request: the next attempt has a reply of its own. */
function takeMove(exchange: Exchange, { unseen, why, detail, returned }: Moved): void {
  const { id, attempts, context, store } = exchange;
  if (exchange.state === 'replying') return void refuseReply(exchange, 'moved after its head', NO_END);
  if (!store.nextAttempt(unseen === undefined)) return void refuseReply(exchange, 'moved too often', NO_END);
  context.log.info({ id, why, detail, agent: attempts.owner }, 'a request is back in line');
  exchange.moved(unseen);
  if (returned) return letInAgain(exchange, returned);
  awaitSlot(exchange);
}

const NO_END = { end: undefined };

/** This hub was silent for too long, and others took its request out of the group: the hub admits it again. */
function letInAgain(exchange: Exchange, returned: Buffer): void {
  enqueueAgain(exchange, returned).catch((error: unknown) => {
    exchange.context.log.error({ err: error, id: exchange.id }, 'could not enqueue again');
    exchange.fail('agent-lost');
  });
}

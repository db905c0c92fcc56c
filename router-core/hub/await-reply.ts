import { isProblemCode } from '../http/problems.ts';
import { PART, type Frame } from '../exchange/frames.ts';
import { WINDOW_BYTES } from '../exchange/frame-stream.ts';
import { awaitHead, awaitSlot } from './await-slot.ts';
import { enqueueAgain } from './enqueue-request.ts';
import type { Exchange } from './exchange.ts';
import { pumpBody } from './request-body.ts';
import { refuseReply, sendBody, sendEnd, sendHead } from './send-response.ts';

/** Takes the frames of a reply in their order and does what each of its parts says. */
export function onReplyFrame(exchange: Exchange, frame: Frame): void {
  if (exchange.done) return;
  if (frame.handed !== undefined) return onHandedOver(exchange, frame.handed);
  if (frame.parts & PART.stop) return onMoved(exchange, frame);
  if (frame.failed !== undefined) return onFailed(exchange, frame.failed);
  if (frame.owner !== undefined) onOwner(exchange, frame.owner, frame.head === undefined);
  if (frame.credit > 0) onCredit(exchange, frame.credit);
  if (frame.head !== undefined) {
    if (exchange.state === 'replying') return void refuseReply(exchange, 'a second head', frame);
    if (sendHead(exchange, frame)) return;
  }
  if (frame.body && !sendBody(exchange, frame, frame.body)) return;
  if (frame.end !== undefined) sendEnd(exchange, frame, frame.end);
}

function onHandedOver(exchange: Exchange, place: string): void {
  exchange.place = place;
  if (exchange.state === 'waiting' || exchange.state === 'admitting') awaitHead(exchange);
}

/** A request goes back into line no more often than this, whoever says so. */
const MOST_MOVES = 10_000;

/** The upstream has certainly not seen it: the attempt does not count. */
function isUncounted({ failed = '' }: Frame): boolean {
  return failed.startsWith('unreachable\n') || failed.startsWith('unstarted\n');
}

/** The agent was lost, or gave it back: the next attempt's reply arrives on a stream of its own. */
function onMoved(exchange: Exchange, frame: Frame): void {
  const { reader, queue, id, owner, context, policy } = exchange;
  // No script does either of these.
  if (exchange.state === 'replying') return void refuseReply(exchange, 'moved after its head', frame);
  const counted = reader.attempt - exchange.uncountedAttempts;
  if (counted >= policy.attempts && !isUncounted(frame))
    return void refuseReply(exchange, 'moved too often', frame);
  if (reader.attempt >= MOST_MOVES) return void refuseReply(exchange, 'moved too often', frame);
  const [why = '', detail] = frame.failed?.split('\n') ?? [];
  context.log.info({ id, why, detail, agent: owner }, 'a request is back in line');
  if (why === 'unreachable') exchange.isUnreached = true;
  if (isUncounted(frame)) exchange.uncountedAttempts += 1;
  else {
    exchange.mayHaveRun = true;
    exchange.restartWait();
  }
  reader.attempt += 1;
  exchange.counts.group.redeliveries += 1;
  reader.lastSeq = 0;
  reader.key = queue.replyKey(id, reader.attempt);
  exchange.place = '';
  exchange.owner = '';
  if (frame.body) return onReturned(exchange, frame.body);
  awaitSlot(exchange);
}

/** This hub had not been heard of, and its request was taken out of the group: it is here again, to be let in anew. */
function onReturned(exchange: Exchange, payload: Buffer): void {
  enqueueAgain(exchange, payload).catch((error: unknown) => {
    exchange.context.log.error({ err: error, id: exchange.id }, 'could not enqueue again');
    exchange.fail('agent-lost');
  });
}

function onFailed(exchange: Exchange, failed: string): void {
  const [code = '', detail = ''] = failed.split('\n', 2);
  const { id, owner: agent } = exchange;
  const said = { code: code.slice(0, 100), detail: detail.slice(0, 500) };
  exchange.context.log.info({ id, ...said, agent }, 'a request has failed at its agent');
  exchange.fail(isProblemCode(code) ? code : 'upstream-failed');
}

function onOwner(exchange: Exchange, owner: string, isHeadDue: boolean): void {
  exchange.owner = owner;
  if (exchange.stream) exchange.stream.reader = owner;
  const { state } = exchange;
  if (isHeadDue && (state === 'waiting' || state === 'admitting' || state === 'handed')) awaitHead(exchange);
}

function onCredit(exchange: Exchange, bytes: number): void {
  if (exchange.stream) return exchange.stream.credited(bytes);
  // The first grant: the agent has started and asks for the rest of the body.
  exchange.askForBody();
  if (exchange.rest) pumpBody(exchange, exchange.rest, Math.min(bytes, WINDOW_BYTES));
}

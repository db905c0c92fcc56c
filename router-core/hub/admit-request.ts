import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { CheckedRequest } from '../http/check-request.ts';
import { forwardRequestHeaders } from '../http/forward-request.ts';
import { problemResponse, type ProblemCode } from '../http/problems.ts';
import type { RequestHead } from '../protocol/heads.ts';
import { onReplyFrame } from './await-reply.ts';
import { clientAddress, type ClientReply } from './client-reply.ts';
import { enqueueRequest } from './enqueue-request.ts';
import { Exchange, type HubContext } from './exchange.ts';
import { readInlineBody, type InlineBody } from './request-body.ts';

export interface AdmitOptions {
  readonly context: HubContext;
  readonly req: IncomingMessage;
  readonly reply: ClientReply;
  readonly group: string;
  readonly checked: Extract<CheckedRequest, { ok: true }>;
  readonly sendContinue: (() => void) | undefined;
  /** What the client sends after the switch it asks for. */
  readonly fromClient: Readable | undefined;
}

/** Checks this hub's own limits, reads what of the body travels inline, and sends the request on its way. */
export function admitRequest(options: AdmitOptions): Exchange | undefined {
  const { context, req, reply, group, checked, sendContinue, fromClient } = options;
  const { config, link, inFlight } = context;
  const { contentLength } = checked;
  const isTooLarge = (bytes: number) => config.maxBodyBytes > 0 && bytes > config.maxBodyBytes;
  if (inFlight.size >= config.maxInFlight) return refuse(options, 'hub-full');
  if (contentLength !== undefined && isTooLarge(contentLength)) return refuse(options, 'body-too-large');
  if (!link.connected) return refuse(options, 'store-unavailable');

  const exchange = new Exchange({ context, group, req, reply, sendContinue, onFrame: onReplyFrame });
  const head = requestHead(exchange, checked, fromClient !== undefined);
  if (fromClient) {
    exchange.rest = fromClient;
    send(exchange, head, { chunks: [], complete: false });
    return exchange;
  }
  const inline = readInlineBody(req, contentLength, isTooLarge);
  if (!(inline instanceof Promise)) {
    if (!inline.complete) exchange.rest = req;
    send(exchange, head, inline);
    return exchange;
  }
  exchange.enter('reading', config.idleTimeoutMs, () => exchange.fail('request-timeout'));
  exchange.askForBody();
  void inline.then((body) => {
    if (exchange.done) return;
    if (body === 'too-large') return exchange.fail('body-too-large');
    if (!body.complete) exchange.rest = req;
    send(exchange, head, body);
  });
  return exchange;
}

function send(exchange: Exchange, head: RequestHead, body: InlineBody): void {
  enqueueRequest(exchange, head, body).catch((error: unknown) => {
    exchange.context.log.error({ err: error, id: exchange.id }, 'could not enqueue');
    exchange.fail('store-lost');
  });
}

function requestHead(
  exchange: Exchange,
  { target, authority }: AdmitOptions['checked'],
  upgrade: boolean,
): RequestHead {
  const { req, id } = exchange;
  const headers = forwardRequestHeaders(req.rawHeaders, {
    requestId: id,
    clientAddress: clientAddress(req),
    proto: (req.socket as TLSSocket).encrypted ? 'https' : 'http',
    httpVersion: req.httpVersion,
    authority,
  });
  return {
    method: req.method ?? 'GET',
    target,
    headers,
    upgrade: upgrade ? (req.headers.upgrade ?? '') : '',
  };
}

function refuse({ context, req, reply }: AdmitOptions, code: ProblemCode): undefined {
  const retryAfterS = code === 'body-too-large' ? undefined : 1;
  const { status, reason, headers, body } = problemResponse(code, {
    requestId: context.link.nextId(),
    method: req.method,
    retryAfterS,
  });
  reply.startAndEnd(status, reason, headers, body);
}

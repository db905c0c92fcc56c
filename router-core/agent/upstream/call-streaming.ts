import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { TLSSocket } from 'node:tls';
import { rawFields } from '../../http/field-lines.ts';
import { fieldValue, forwardReplyFields } from '../../http/forward-reply.ts';
import type { PulledRequest } from '../../exchange/agent-link.ts';
import type { Upstream } from './upstream.ts';
import { startReply, type CallOptions } from './call-upstream.ts';
import { unreachedInTime } from './unreached.ts';
import type { UpstreamCall } from './upstream-pool.ts';

/** Whether a request needs Node's own client: it streams bodies up, sends trailers, and switches protocols. */
export function isStreaming({ trailers, bodyFollows, head }: PulledRequest): boolean {
  return trailers !== '' || bodyFollows || head.upgrade !== '';
}

const httpAgent = new HttpAgent({ keepAlive: true });
const httpsAgent = new HttpsAgent({ keepAlive: true });

/** As callUpstream, for requests that it cannot send (`isStreaming`). `trailers` is asked for when the body has been sent. */
export function callStreaming(options: CallOptions & { trailers: () => string }): UpstreamCall {
  const { upstream, request, fields, source, reply } = options;
  const { origin, protocol, host } = new URL(upstream.url);
  const calledAt = performance.now();
  let answer: IncomingMessage | undefined;
  let aborted = false;

  const call = (protocol === 'https:' ? httpsRequest : httpRequest)(origin, {
    agent: protocol === 'https:' ? httpsAgent : httpAgent,
    method: request.head.method,
    path: upstream.basePath + request.head.target,
    headers: framedHeaders(rawFields(fields), host, request),
  });
  awaitSwitch(call, options, calledAt);
  call.on('response', (response) => {
    answer = response;
    startReply(options, calledAt, headOf(response));
    response.on('data', (chunk: Buffer) => {
      if (!reply.write(chunk)) response.pause();
    });
    response.on('end', () => reply.end(response.rawTrailers.join('\n')));
    response.on('error', (error) => reply.fail('upstream-failed', error.message));
  });
  call.on('error', (error) => {
    if (aborted) return;
    if (answer) reply.fail('upstream-failed', error.message);
    else options.onUnanswered(error);
  });
  const finish = () => {
    const trailers = pairs(options.trailers());
    if (trailers.length > 0) call.addTrailers(trailers);
    call.end();
  };
  const send = () => {
    if (!source) {
      if (request.body) call.write(request.body);
      return finish();
    }
    call.flushHeaders();
    source.on('data', (chunk: Buffer) => {
      if (call.write(chunk)) return;
      source.pause();
      call.once('drain', () => source.resume());
    });
    source.on('end', finish);
  };
  whenConnected(call, upstream, send);
  return {
    abort: () => {
      aborted = true;
      call.destroy();
      source?.destroy();
    },
    resume: () => answer?.resume(),
  };
}

function headOf({ statusCode = 502, statusMessage = '', rawHeaders }: IncomingMessage) {
  return { status: statusCode, reason: statusMessage, fields: forwardReplyFields(rawHeaders) };
}

function awaitSwitch(call: ClientRequest, options: CallOptions, calledAt: number): void {
  call.on('upgrade', (response, socket, first) => {
    const { upgrade } = options.request.head;
    if (upgrade === '') {
      socket.destroy();
      return options.onUnanswered(new Error('101 to a request that did not ask for it'));
    }
    const { statusCode = 101, rawHeaders } = response;
    const protocol = fieldValue(rawHeaders, 'upgrade') ?? upgrade;
    const fields = `${forwardReplyFields(rawHeaders)}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
    startReply(options, calledAt, { status: statusCode, reason: 'Switching Protocols', fields });
    if (first.length > 0) socket.unshift(first);
    options.onSwitched(socket);
  });
}

/** The rest of a body is asked for only when the upstream is reached: until then the request can still move. */
function whenConnected(call: ClientRequest, { url, connectTimeoutMs }: Upstream, send: () => void): void {
  call.on('socket', (socket) => {
    if (!socket.connecting) return send();
    socket.setTimeout(connectTimeoutMs, () => socket.destroy(unreachedInTime(url)));
    socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
      socket.setTimeout(0);
      send();
    });
  });
}

/** Host, and chunked framing unless the length is known; only a chunked body can have trailers. */
function framedHeaders(headers: readonly string[], host: string, request: PulledRequest): string[] {
  const { upgrade } = request.head;
  const chunked = request.trailers !== '' || fieldValue(headers, 'trailer') !== undefined;
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const dropped = chunked && headers[i]?.toLowerCase() === 'content-length';
    if (!dropped) kept.push(headers[i] ?? '', headers[i + 1] ?? '');
  }
  if (fieldValue(kept, 'host') === undefined) kept.unshift('Host', host);
  if (upgrade !== '') kept.push('Connection', 'Upgrade', 'Upgrade', upgrade);
  else if (fieldValue(kept, 'content-length') === undefined) kept.push('Transfer-Encoding', 'chunked');
  return kept;
}

function pairs(trailers: string): [string, string][] {
  const flat = trailers === '' ? [] : trailers.split('\n');
  const list: [string, string][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) list.push([flat[i] ?? '', flat[i + 1] ?? '']);
  return list;
}

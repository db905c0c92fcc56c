import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { parseSize } from '../router-core/runtime/options.ts';
import { answerChat, MODEL } from './demo-chat.ts';

const ECHO_LIMIT_BYTES = 1024 * 1024;

/** The repeated content of /large: text, so that a curious `curl | head` shows something. */
const LARGE_CHUNK = Buffer.from('mini-router demo\n'.repeat(3856).slice(0, 65_536));

const INDEX = {
  service: 'mini-router demo upstream',
  try: {
    'POST /v1/chat/completions': 'tokens, one by one as server-sent events when the body says "stream": true',
    'GET /v1/models': 'the one model there is',
    '/echo': 'what arrived here: method, path, headers, body',
    'GET /health': 'that it runs, for --health of an agent',
    'GET /large/100MiB': 'a body of that size',
  },
};

/** A service to try the router with. It listens on loopback only. */
export async function startDemoUpstream({ port }: { port: number }): Promise<Server> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path = '/'] = (request.url ?? '/').split('?');
  const reading = request.method === 'GET' || request.method === 'HEAD';

  if (path === '/' && reading) return sendJson(response, 200, INDEX);
  if (path === '/health' && reading) return sendJson(response, 200, { status: 'ok' });
  if (path === '/echo') return echo(request, response);
  if (path.startsWith('/large/') && reading)
    return sendLarge(request, response, path.slice('/large/'.length));
  if (path === '/v1/models' && reading) {
    return sendJson(response, 200, {
      object: 'list',
      data: [{ id: MODEL, object: 'model', owned_by: 'demo' }],
    });
  }
  if (path === '/v1/chat/completions' && request.method === 'POST') {
    const body = await readBody(request);
    if (body === undefined) return refuseBody(response);
    return answerChat(body, response);
  }
  sendJson(response, 404, { error: { message: `nothing at ${request.method ?? ''} ${path}` } });
}

async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  if (body === undefined) return refuseBody(response);
  sendJson(response, 200, { method: request.method, path: request.url, headers: request.headers, body });
}

/** Written as fast as the client reads: a slow client slows this loop down, and nothing piles up. */
async function sendLarge(request: IncomingMessage, response: ServerResponse, text: string): Promise<void> {
  const size = parseSize(text);
  if (size === undefined) return sendJson(response, 400, { error: { message: `"${text}" is not a size` } });

  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size });
  if (request.method === 'HEAD') return void response.end();
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  for (let left = size; left > 0; left -= LARGE_CHUNK.length) {
    const hasRoom = response.write(left < LARGE_CHUNK.length ? LARGE_CHUNK.subarray(0, left) : LARGE_CHUNK);
    if (!hasRoom) await once(response, 'drain', { signal: gone.signal });
  }
  response.end();
}

/** Undefined when the body is larger than this demo needs. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ECHO_LIMIT_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function refuseBody(response: ServerResponse): void {
  response.setHeader('connection', 'close');
  sendJson(response, 413, { error: { message: `the demo reads bodies up to ${ECHO_LIMIT_BYTES} bytes` } });
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

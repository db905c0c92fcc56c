import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** Why a link, or a question about a token, is refused before there is a WebSocket. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
}

const RETRY_AFTER_S = 2;

/** The token of `Authorization: Bearer …`; empty when there is none. */
export function bearerOf({ headers }: IncomingMessage): string {
  return /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
}

export function sendJson(response: ServerResponse, reply: Refusal | { status: 200; json: object }): void {
  const isRefusal = 'code' in reply;
  const body = JSON.stringify(isRefusal ? problemOf(reply) : reply.json);
  response.writeHead(reply.status, {
    'content-type': isRefusal ? 'application/problem+json' : 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(isRefusal && fieldsOf(reply)),
  });
  response.end(body);
}

/** Refuses an upgrade, and ends its connection. */
export function refuseSocket(socket: Duplex, refusal: Refusal): void {
  const body = JSON.stringify(problemOf(refusal));
  const fields = { ...fieldsOf(refusal), 'content-type': 'application/problem+json', connection: 'close' };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const start = `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\n`;
  socket.end(`${start}${lines.join('')}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

function problemOf({ status, code, detail }: Refusal): object {
  return { type: 'about:blank', status, title: STATUS_CODES[status], code, detail };
}

function fieldsOf({ status }: Refusal): Record<string, string> {
  if (status === 401) return { 'www-authenticate': 'Bearer' };
  if (status === 426) return { upgrade: 'websocket', connection: 'Upgrade' };
  return status === 503 ? { 'retry-after': String(RETRY_AFTER_S) } : {};
}

import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { waitFor } from './wait.ts';

/** A reply as its bytes say it, untouched by any HTTP client. Text is latin1: one character is one byte. */
export interface RawReply {
  readonly status: number;
  readonly reason: string;
  /** Names and values in turn, as sent. */
  readonly headers: string[];
  readonly body: Buffer;
  readonly trailers: string[];
  /** Statuses of the 1xx replies that came before it. */
  readonly interim: number[];
}

export interface RawConnection {
  readonly socket: Socket;
  write(text: string | Buffer): void;
  /** All bytes received so far, latin1. */
  received(): string;
  /** The next reply. Rejects when the connection ends within it, or is reset. `head`: it answers a HEAD request. */
  reply(options?: { head?: boolean }): Promise<RawReply>;
  /** How the other side ended it: `end` is an orderly close. */
  readonly ended: Promise<'end' | 'reset'>;
  close(): void;
}

/** A bare TCP connection to a server on this machine. */
export function openRaw(port: number): Promise<RawConnection> {
  return watchRaw(connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }));
}

/** Reads a connection that is about to be there. */
export async function watchRaw(socket: Socket): Promise<RawConnection> {
  let bytes: Buffer = Buffer.alloc(0);
  let all = '';
  let state: 'open' | 'end' | 'reset' = 'open';
  const ended = new Promise<'end' | 'reset'>((resolve) => {
    const finish = (how: 'end' | 'reset') => {
      if (state === 'open') state = how;
      resolve(state);
    };
    socket.on('end', () => finish('end'));
    socket.on('error', () => finish('reset'));
    socket.on('close', () => finish('reset'));
  });
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    all += chunk.toString('latin1');
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  const next = (head: boolean) => {
    const parsed = parseReply(bytes, head, state === 'end');
    if (parsed) bytes = parsed.rest;
    return parsed?.reply;
  };
  return {
    socket,
    write: (text) => void socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text),
    received: () => all,
    reply: async ({ head = false } = {}) => {
      const isOver = () => state !== 'open' && 'over';
      const found = await waitFor(() => next(head) ?? isOver(), { what: 'a whole reply' });
      const reply = found === 'over' ? next(head) : found;
      if (!reply) throw new Error(`the connection broke within the reply (${state}): ${all.slice(0, 400)}`);
      return reply;
    },
    ended,
    close: () => socket.destroy(),
  };
}

/** One request on a connection of its own, as bytes, and its reply. */
export async function sendRaw(port: number, request: string | Buffer): Promise<RawReply> {
  const connection = await openRaw(port);
  connection.write(request);
  try {
    return await connection.reply({ head: request.toString('latin1').startsWith('HEAD ') });
  } finally {
    connection.close();
  }
}

/** The bytes of a request: its lines joined, and an empty line. */
export function rawRequest(lines: readonly string[], body = ''): string {
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** All values of a field, in order. `name` in any case. */
export function valuesOf(raw: readonly string[], name: string): string[] {
  return raw.filter((_value, i) => i % 2 === 1 && raw[i - 1]?.toLowerCase() === name.toLowerCase());
}

/** An upstream that is only a TCP server: what it sends is what is sent. */
export async function startRawUpstream(onRequest: (socket: Socket, head: string) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end + 4);
        text = text.slice(end + 4);
        onRequest(socket, head);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function fields(block: string): string[] {
  return block
    .split('\r\n')
    .filter((line) => line !== '')
    .flatMap((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]);
}

function parseReply(
  bytes: Buffer,
  isHead: boolean,
  closed: boolean,
): { reply: RawReply; rest: Buffer } | undefined {
  const interim: number[] = [];
  for (let at = 0; ;) {
    const end = bytes.indexOf('\r\n\r\n', at);
    if (end < 0) return undefined;
    const head = bytes.toString('latin1', at, end);
    const [, status, reason = ''] =
      /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/m.exec(head.split('\r\n')[0] ?? '') ?? [];
    if (status === undefined) throw new Error(`not a status line: ${JSON.stringify(head.slice(0, 200))}`);
    const code = Number(status);
    at = end + 4;
    if (code < 200 && code !== 101) {
      interim.push(code);
      continue;
    }
    const headers = fields(head.slice(head.indexOf('\r\n') < 0 ? head.length : head.indexOf('\r\n') + 2));
    const bodyless = isHead || code === 101 || code === 204 || code === 304;
    const body = bodyless
      ? { body: Buffer.alloc(0), trailers: [], next: at }
      : readBody(bytes, at, headers, closed);
    if (!body) return undefined;
    const reply = { status: code, reason, headers, body: body.body, trailers: body.trailers, interim };
    return { reply, rest: bytes.subarray(body.next) };
  }
}

interface RawBody {
  body: Buffer;
  trailers: string[];
  next: number;
}

function readBody(bytes: Buffer, start: number, headers: string[], closed: boolean): RawBody | undefined {
  if (valuesOf(headers, 'transfer-encoding').length > 0) return readChunks(bytes, start);
  const [length] = valuesOf(headers, 'content-length');
  if (length === undefined) {
    return closed ? { body: bytes.subarray(start), trailers: [], next: bytes.length } : undefined;
  }
  const next = start + Number(length);
  return bytes.length < next ? undefined : { body: bytes.subarray(start, next), trailers: [], next };
}

function readChunks(bytes: Buffer, start: number): RawBody | undefined {
  const chunks: Buffer[] = [];
  for (let at = start; ;) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    if (Number.isNaN(size))
      throw new Error(`not a chunk: ${bytes.toString('latin1', at, line).slice(0, 100)}`);
    if (size === 0) {
      const end = bytes.indexOf('\r\n\r\n', line);
      if (end < 0) return undefined;
      const trailers = fields(bytes.toString('latin1', line + 2, end));
      return { body: Buffer.concat(chunks), trailers, next: end + 4 };
    }
    if (bytes.length < line + 2 + size + 2) return undefined;
    chunks.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}

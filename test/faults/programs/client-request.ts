import { createHash, type Hash } from 'node:crypto';
import { request, type Agent as ConnectionPool, type ClientRequest, type IncomingMessage } from 'node:http';
import { clockMs, type ClientEvent } from './history.ts';

/** A request hangs when its client has waited this much longer than its deadline. */
const PATIENCE_MS = 5_000;
const PIECES = 10;

export interface ClientRequestOptions {
  readonly id: string;
  readonly url: string;
  readonly method: string;
  readonly deadlineMs: number;
  readonly body: Buffer;
  readonly bodyMs: number;
  readonly readBytesPerS: number | undefined;
  readonly leaveAfterMs: number | undefined;
  readonly pool: ConnectionPool | undefined;
  readonly note: (event: ClientEvent) => void;
}

type How = Extract<ClientEvent, { event: 'outcome' }>['how'];

/** Sends one request and notes what became of it. Resolves with its status when that is on file, and never rejects. */
export function sendRequest(options: ClientRequestOptions): Promise<number> {
  const { id, url, method, deadlineMs, body, note } = options;
  const digest = createHash('sha1').update(body).digest('hex');
  note({ event: 'sent', at: clockMs(), id, method, repeatable: method !== 'POST', deadlineMs, digest });
  return new Promise((resolve) => {
    const seen = { status: 0, error: '', executed: '', bytes: 0, digest: createHash('sha1') };
    let over = false;
    const timers: NodeJS.Timeout[] = [];
    const end = (how: How) => {
      if (over) return;
      over = true;
      for (const timer of timers) clearTimeout(timer);
      note({ ...seen, event: 'outcome', at: clockMs(), id, how, digest: seen.digest.digest('hex') });
      if (how !== 'answered') req.destroy();
      resolve(seen.status);
    };
    const req = request(url, { method, agent: options.pool ?? false }, (res) => {
      seen.status = res.statusCode ?? 0;
      seen.error = String(res.headers['router-error'] ?? '');
      seen.executed = String(res.headers['router-executed'] ?? '');
      readReply(res, seen, options.readBytesPerS);
      res.on('end', () => end(res.complete ? 'answered' : 'broken'));
      res.on('error', () => end('broken'));
    });
    req.on('error', () => end('broken'));
    timers.push(setTimeout(() => end('hung'), deadlineMs + PATIENCE_MS));
    if (options.leaveAfterMs !== undefined) timers.push(setTimeout(() => end('left'), options.leaveAfterMs));
    sendBody(req, options, timers);
  });
}

function sendBody(
  req: ClientRequest,
  { method, body, bodyMs }: ClientRequestOptions,
  timers: NodeJS.Timeout[],
): void {
  if (method === 'GET') {
    req.end();
    return;
  }
  req.setHeader('Content-Length', body.length);
  if (bodyMs === 0) {
    req.end(body);
    return;
  }
  const size = Math.ceil(body.length / PIECES);
  let piece = 0;
  const sendPiece = () => {
    req.write(body.subarray(piece * size, (piece + 1) * size));
    piece += 1;
    if (piece < PIECES) return;
    clearInterval(timer);
    req.end();
  };
  const timer = setInterval(sendPiece, bodyMs / PIECES);
  sendPiece();
  timers.push(timer);
}

function readReply(
  res: IncomingMessage,
  seen: { bytes: number; digest: Hash },
  bytesPerS: number | undefined,
): void {
  res.on('data', (chunk: Buffer) => {
    seen.bytes += chunk.length;
    seen.digest.update(chunk);
    if (bytesPerS === undefined) return;
    res.pause();
    setTimeout(() => res.resume(), (chunk.length / bytesPerS) * 1_000);
  });
}

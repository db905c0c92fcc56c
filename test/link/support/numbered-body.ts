import { request, type IncomingMessage, type RequestListener } from 'node:http';
import { Readable } from 'node:stream';

// Bodies of which no two stretches are alike: every four bytes say where they are.

const PIECE = 16 * 1024;

function pieceAt(at: number): Buffer {
  const piece = Buffer.allocUnsafe(PIECE);
  for (let i = 0; i < PIECE; i += 4) piece.writeUInt32BE(at + i, i);
  return piece;
}

/** So many bytes (a multiple of 16 KiB), a piece each `everyMs`; with 0, as fast as they are taken. */
export function numberedBody(bytes: number, everyMs: number): Readable {
  let at = 0;
  return new Readable({
    read() {
      const push = () => {
        this.push(pieceAt(at));
        at += PIECE;
        if (at >= bytes) this.push(null);
      };
      if (everyMs === 0) push();
      else setTimeout(push, everyMs);
    },
  });
}

/** The part of a numbered body that has come. */
export interface Received {
  bytes: number;
  /** False once a byte was not in its place. */
  inOrder: boolean;
  /** ms. */
  longestPause: number;
  complete: boolean;
}

export function receive(message: IncomingMessage, onEnd: (received: Received) => void): Received {
  const received: Received = { bytes: 0, inOrder: true, longestPause: 0, complete: false };
  let lastAt = performance.now();
  let rest = Buffer.alloc(0);
  message.on('data', (chunk: Buffer) => {
    const now = performance.now();
    received.longestPause = Math.max(received.longestPause, now - lastAt);
    lastAt = now;
    const all = Buffer.concat([rest, chunk]);
    const whole = all.length - (all.length % 4);
    const first = received.bytes - rest.length;
    for (let i = 0; i < whole; i += 4) if (all.readUInt32BE(i) !== first + i) received.inOrder = false;
    rest = all.subarray(whole);
    received.bytes += chunk.length;
  });
  message.on('error', () => undefined);
  message.on('close', () => {
    received.complete = message.complete;
    onEnd(received);
  });
  return received;
}

/** `GET /<bytes>/<everyMs>` is answered with a numbered body, a POST with what came of the one that it carried. */
export function numberedUpstream(): { listener: RequestListener; calls: string[]; uploads: Received[] } {
  const calls: string[] = [];
  const uploads: Received[] = [];
  const listener: RequestListener = (message, response) => {
    const { method, url = '' } = message;
    calls.push(`${method} ${url}`);
    response.on('error', () => undefined);
    if (method === 'POST') {
      uploads.push(receive(message, (received) => response.end(JSON.stringify(received))));
      return;
    }
    const [bytes, everyMs] = url.slice(1).split('/').map(Number);
    const body = numberedBody(bytes ?? 0, everyMs ?? 0);
    response.on('close', () => body.destroy());
    body.pipe(response);
  };
  return { listener, calls, uploads };
}

export interface Transfer {
  readonly received: Received;
  /** Name of the agent that runs it, once its reply has begun. */
  agent(): string;
  readonly done: Promise<{ status: number; received: Received }>;
}

export function download(url: string, bytes: number, everyMs: number): Transfer {
  const received: Received = { bytes: 0, inOrder: true, longestPause: 0, complete: false };
  let agent = '';
  const done = new Promise<{ status: number; received: Received }>((resolve) => {
    const over = (status: number) => resolve({ status, received });
    request(`${url}/${bytes}/${everyMs}`, { agent: false }, (response) => {
      agent = String(response.headers['router-agent']);
      const live = receive(response, () => {
        Object.assign(received, live);
        clearInterval(copying);
        over(response.statusCode ?? 0);
      });
      const copying = setInterval(() => Object.assign(received, live), 10);
    })
      .on('error', () => over(0))
      .end();
  });
  return { received, agent: () => agent, done };
}

/** Resolves with what the upstream has received. */
export function upload(
  url: string,
  bytes: number,
  everyMs: number,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve) => {
    const sent = request(url, { agent: false, method: 'POST' }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('error', () => undefined);
      response.on('close', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', () => resolve({ status: 0, text: '' }));
    numberedBody(bytes, everyMs).pipe(sent);
  });
}

import { request, type Agent as ConnectionPool, type IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';

/**
 * The outcome of one client request. `broken` is a connection that ended before the reply was complete; with a status, it
 * broke after the head.
 */
export interface Outcome {
  outcome: 'answered' | 'broken' | 'hung';
  /** 0 when no head came. */
  status: number;
  headers: IncomingHttpHeaders;
  /** As far as it came. */
  body: string;
  elapsedMs: number;
}

export interface AskOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Readable;
  /** Longer than any deadline of the test: a request that takes longer has hung. */
  timeoutMs?: number;
  /** Connections to use again; without it, each request has its own. */
  pool?: ConnectionPool;
}

export interface Asked {
  readonly outcome: Promise<Outcome>;
  /** Resolves when `text` has been received in the body; rejects when the request ends before. */
  received(text: string): Promise<void>;
  /** Cuts the client's connection. */
  disconnect(): void;
}

/** Sends one request as a client that can be watched and cut off. The outcome never rejects. */
export function startAsking(url: string, options: AskOptions = {}): Asked {
  const { method = 'GET', headers = {}, body, timeoutMs = 25_000, pool } = options;
  const startedAt = performance.now();
  const seen = { status: 0, headers: {} as IncomingHttpHeaders, body: '', over: false };
  let onProgress = () => {};
  let settle: (outcome: Outcome['outcome']) => void = () => {};
  const outcome = new Promise<Outcome>((resolve) => {
    settle = (how) => {
      seen.over = true;
      clearTimeout(timer);
      const { status, headers: got, body: text } = seen;
      resolve({ outcome: how, status, headers: got, body: text, elapsedMs: performance.now() - startedAt });
      onProgress();
      req.destroy();
    };
  });
  const req = request(url, { method, headers, agent: pool ?? false }, (res) => {
    seen.status = res.statusCode ?? 0;
    seen.headers = res.headers;
    res.setEncoding('latin1').on('data', (text: string) => {
      seen.body += text;
      onProgress();
    });
    res.on('end', () => settle(res.complete ? 'answered' : 'broken'));
    res.on('error', () => settle('broken'));
  });
  req.on('error', () => settle('broken'));
  const timer = setTimeout(() => settle('hung'), timeoutMs);
  if (body === undefined || typeof body === 'string') req.end(body);
  else body.on('error', () => req.destroy()).pipe(req);

  return {
    outcome,
    disconnect: () => req.destroy(),
    received: (text) =>
      new Promise((resolve, reject) => {
        onProgress = () => {
          if (seen.body.includes(text)) resolve();
          else if (seen.over) reject(new Error(`ended after ${JSON.stringify(seen)}`));
        };
        onProgress();
      }),
  };
}

/** Sends one request and waits for its outcome. */
export function ask(url: string, options: AskOptions = {}): Promise<Outcome> {
  return startAsking(url, options).outcome;
}

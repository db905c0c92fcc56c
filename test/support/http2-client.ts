import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { onTestFinished } from 'vitest';

export interface Http2Answer {
  /** 0 when the stream ended without a head. */
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
  readonly trailers: Record<string, string | string[] | undefined>;
  /** Statuses of the 1xx replies. */
  readonly interim: number[];
  /** Code of the RST_STREAM that ended it; 0: it ended by itself. */
  readonly rstCode: number;
}

/** A connection of HTTP/2 to a hub on this machine. It ends with its test. */
export async function openHttp2(url: string): Promise<ClientHttp2Session> {
  const session = connect(url, {
    rejectUnauthorized: false,
    settings: { enablePush: false },
    maxSessionMemory: 1_000,
  });
  session.on('error', () => undefined);
  onTestFinished(() => session.destroy());
  await new Promise<void>((resolve, reject) => {
    session.once('remoteSettings', () => resolve());
    session.once('close', () => reject(new Error('the connection was closed')));
  });
  return session;
}

/** The answer on a stream. Never rejects. */
export function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  const interim: number[] = [];
  const chunks: Buffer[] = [];
  let headers: Http2Answer['headers'] = {};
  let trailers: Http2Answer['trailers'] = {};
  stream.on('headers', (head) => interim.push(Number(head[':status'])));
  stream.on('response', (head) => void (headers = head));
  stream.on('trailers', (fields: Http2Answer['trailers']) => void (trailers = fields));
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', () => undefined);
  return new Promise((resolve) => {
    stream.on('close', () => {
      const status = Number(headers[':status'] ?? 0);
      resolve({
        status,
        headers,
        body: Buffer.concat(chunks),
        trailers,
        interim,
        rstCode: stream.rstCode ?? 0,
      });
    });
  });
}

/** One request, as a whole, and what comes back. */
export function askHttp2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Http2Answer> {
  const stream = session.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return answerOf(stream);
}

/**
 * One large download or upload on a raw socket. node:http would cost the client more CPU than a proxy needs
 * for the same bytes: here every read lands in one buffer that is used again and again, and every write
 * sends the same block. Usage: transfer-client.js download|upload URL BYTES
 */
import { connect, type Socket } from 'node:net';
import type { Load } from '../load.ts';
import { ReplyReader, type Reply } from '../reply-reader.ts';

const [direction, address, size] = process.argv.slice(2);
if (address === undefined) throw new Error('usage: transfer-client.js download|upload URL BYTES');
const bytes = Number(size);
const url = new URL(address);
const block = Buffer.alloc(256 * 1024, 'x');

function requestHead(): string {
  const head = `Host: ${url.host}\r\nConnection: close\r\n`;
  if (direction === 'download') return `GET ${url.pathname}${url.search} HTTP/1.1\r\n${head}\r\n`;
  const type = 'Content-Type: application/octet-stream';
  return `POST ${url.pathname} HTTP/1.1\r\n${head}${type}\r\nContent-Length: ${bytes}\r\n\r\n`;
}

function sendBody(socket: Socket): void {
  let left = bytes;
  const pump = () => {
    while (left > 0) {
      const piece = left >= block.length ? block : block.subarray(0, left);
      left -= piece.length;
      if (!socket.write(piece)) return;
    }
    socket.off('drain', pump);
  };
  socket.on('drain', pump);
  pump();
}

function transfer(): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const reader = new ReplyReader((reply) => {
      resolve(reply);
      socket.destroy();
    });
    const socket = connect({
      host: url.hostname,
      port: Number(url.port),
      onread: {
        buffer: Buffer.allocUnsafe(256 * 1024),
        callback: (length, buffer) => {
          reader.take(Buffer.from(buffer.buffer, buffer.byteOffset, length));
          return true;
        },
      },
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after ${reader.bodyBytes} bytes of the reply's body`)));
    socket.write(requestHead());
    if (direction === 'upload') sendBody(socket);
  });
}

function describeFailure(reply: Reply): string {
  if (reply.status !== 200) return `status ${reply.status}: ${reply.bodyStart.slice(0, 200)}`;
  if (direction === 'download')
    return reply.bodyBytes === bytes ? '' : `${reply.bodyBytes} of ${bytes} bytes came`;
  return reply.bodyStart === JSON.stringify({ bytes }) ? '' : `the upstream counted ${reply.bodyStart}`;
}

const startedNs = process.hrtime.bigint();
const failure = await transfer().then(describeFailure, (error: unknown) => String(error));
const seconds = Number(process.hrtime.bigint() - startedNs) / 1e9;
const load: Load = {
  rate: bytes / 1e6 / seconds,
  units: bytes / 1e6,
  p50Ms: null,
  p99Ms: null,
  delayP50Ms: null,
  delayP99Ms: null,
  errors: failure === '' ? 0 : 1,
  errorDetail: failure,
};
process.stdout.write(`${JSON.stringify(load)}\n`);

import type { Socket } from 'node:net';
import { HEAD_TIMEOUT_MS } from './http1-server.ts';

/** The beginning of HTTP/2 without TLS, by prior knowledge (RFC 9113 §3.4). No request line of HTTP/1.1 begins like that. */
const PREFACE = Buffer.from('PRI *');

/** Where connections go, by what their first bytes say. */
export interface Destinations {
  http1(socket: Socket): void;
  http2(socket: Socket): void;
}

/** Reads the first bytes of a connection in the clear, puts them back, and hands it on. A silent one is closed after a while. */
export function sortConnection(socket: Socket, to: Destinations): void {
  let held: Buffer | undefined;
  const timer = setTimeout(() => socket.destroy(), HEAD_TIMEOUT_MS);
  const onReadable = () => {
    const bytes = socket.read() as Buffer | null;
    if (bytes === null) return;
    const first = held === undefined ? bytes : Buffer.concat([held, bytes]);
    const common = Math.min(first.length, PREFACE.length);
    const isPreface = first.compare(PREFACE, 0, common, 0, common) === 0;
    if (isPreface && common < PREFACE.length) {
      held = first;
      return;
    }
    leave();
    socket.unshift(first);
    if (isPreface) to.http2(socket);
    else to.http1(socket);
  };
  const gone = () => socket.destroy();
  const leave = () => {
    clearTimeout(timer);
    socket.off('readable', onReadable).off('end', gone).off('error', gone).off('close', leave);
  };
  socket.on('readable', onReadable).on('end', gone).on('error', gone).on('close', leave);
}

import type { Socket } from 'node:net';

/** Bytes that are parsed before others get their turn: 700 chunks of one byte, about a millisecond. */
const SLICE_BYTES = 4 * 1024;

/**
 * From now on the bytes of this connection are parsed in slices, and no more of them once it is paused. Node's parser takes
 * them from the connection itself, 64 KiB at a time and up to 32 times in a row, until somebody else listens to `data` (`consume` and
 * `unconsume` in lib/_http_server.js). Then the server's own listener parses them, which is called from here.
 */
export function sliceInput(socket: Socket & { parser?: unknown }): void {
  const [parse] = socket.listeners('data') as ((bytes: Buffer) => void)[];
  if (!parse) return;
  const onData = (bytes: Buffer) => {
    let at = 0;
    while (at < bytes.length && !socket.destroyed) {
      parse(bytes.subarray(at, at + SLICE_BYTES));
      at += SLICE_BYTES;
      // Taken out of HTTP by an upgrade: what follows is for whoever listens now.
      if (!socket.parser) socket.off('data', onData);
      else if (!socket.isPaused()) continue;
      if (at < bytes.length) socket.unshift(bytes.subarray(at));
      return;
    }
  };
  socket.on('data', onData);
  socket.off('data', parse);
}

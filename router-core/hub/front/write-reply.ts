import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { withoutFields, type FieldLines } from '../../http/field-lines.ts';
import type { Sender } from './client-reply.ts';

export const NO_BYTES = Buffer.alloc(0);

export const withoutTrailer = withoutFields(['Trailer']);

export function writeInterim(socket: Socket, status: number, reason: string, fields: FieldLines): void {
  socket.write(`HTTP/1.1 ${status} ${reason}\r\n${fields}\r\n`, 'latin1');
}

/** A slow client shows progress slice by slice, so that slow is not taken for idle. */
const SLICE_BYTES = 64 * 1024;

export function writeSlices(to: Writable, chunk: Buffer, sender: Sender): void {
  for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
    const slice = chunk.length <= SLICE_BYTES ? chunk : chunk.subarray(at, at + SLICE_BYTES);
    to.write(slice, (error) => {
      if (!error) sender.taken(slice.length);
    });
  }
}

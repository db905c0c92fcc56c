import type { Writable } from 'node:stream';
import { Command } from 'ioredis';
import { bytesOf } from '../../exchange/frames.ts';
import { encodeCommand } from '../connection/run-script.ts';

const CRLF = Buffer.from('\r\n');

/**
 * XADD of one frame that is too large for a script: Lua hashes every byte of each string argument, which takes Redis longer
 * than the rest of the call. The pieces of the frame go to the socket without being copied.
 */
export class AppendCommand extends Command {
  readonly #pieces: readonly Buffer[];

  constructor(key: string, seq: number, pieces: readonly Buffer[]) {
    // Only the first frame makes the stream, see append-frames.lua.
    super('xadd', [key, ...(seq > 1 ? ['NOMKSTREAM'] : []), `${seq}-0`, 'f']);
    this.#pieces = pieces;
  }

  override toWritable(socket: object): Buffer {
    const stream = socket as Writable;
    const start = encodeCommand(this.name, this.args as string[], 1);
    stream.cork();
    stream.write(Buffer.concat([start, Buffer.from(`$${bytesOf(this.#pieces)}\r\n`)]));
    for (const piece of this.#pieces) stream.write(piece);
    process.nextTick(() => stream.uncork());
    return CRLF;
  }
}

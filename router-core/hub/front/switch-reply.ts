import type { Socket } from 'node:net';
import { missingDate } from '../../http/date-field.ts';
import type { FieldLines } from '../../http/field-lines.ts';
import type { ClientReply, Sender } from './client-reply.ts';
import { NO_BYTES, withoutTrailer, writeInterim, writeSlices } from './write-reply.ts';

/** The reply to a request that asks to switch protocols: 101 turns the connection into two byte streams. */
export class SwitchReply implements ClientReply {
  readonly #socket: Socket;
  started = false;
  ended = false;
  #switched = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  maySwitch(): boolean {
    return true;
  }

  interim(status: number, reason: string, fields: FieldLines): void {
    if (!this.started && this.#socket.writable) writeInterim(this.#socket, status, reason, fields);
  }

  start(status: number, reason: string, fields: FieldLines): void {
    this.started = true;
    this.#switched = status === 101;
    // Anything but 101 leaves HTTP as it is; without chunking, only the end of the connection can end such a reply.
    const last = this.#switched ? '' : 'Connection: close\r\n';
    const ours = missingDate(fields) + last;
    this.#socket.write(`HTTP/1.1 ${status} ${reason}\r\n${withoutTrailer(fields)}${ours}\r\n`, 'latin1');
  }

  startAndEnd(status: number, reason: string, fields: FieldLines, body: Buffer = NO_BYTES): void {
    this.start(status, reason, fields);
    this.#socket.write(body);
    this.end();
  }

  write(chunk: Buffer, sender: Sender): void {
    writeSlices(this.#socket, chunk, sender);
  }

  end(): void {
    this.ended = true;
    // Half a connection is of use only after a switch.
    if (this.#switched) this.#socket.end();
    else this.#socket.destroySoon();
  }

  closeAfter(): void {
    // Anything but a switch always ends it.
  }

  abort(): void {
    this.ended = true;
    // The end of the connection is the end of the body here: only a reset says that it is not.
    if (this.#switched) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }
}

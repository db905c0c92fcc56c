import type { FieldLines } from '../../http/field-lines.ts';

/** Is told how many bytes have left for the client. */
export interface Sender {
  taken(bytes: number): void;
}

/** The way of a reply to its client, whichever version of HTTP carries it. After a 101 its body is the bare connection. */
export interface ClientReply {
  readonly started: boolean;
  /** Nothing more is sent: the reply was ended or broken off. */
  readonly ended: boolean;
  /** Returns true when a 101 with these fields is what the client has asked for. */
  maySwitch(fields: FieldLines): boolean;
  /** Sends an interim head, 1xx but not 101: before the reply starts, any number of them. */
  interim(status: number, reason: string, fields: FieldLines): void;
  /** Starts with the head. */
  start(status: number, reason: string, fields: FieldLines): void;
  /** Sends a whole small reply in one write. */
  startAndEnd(status: number, reason: string, fields: FieldLines, body: Buffer | undefined): void;
  write(chunk: Buffer, sender: Sender): void;
  /** `trailers`: names and values in turn. */
  end(trailers: readonly string[]): void;
  /** The connection ends with this reply: nobody knows for certain where its request ends. */
  closeAfter(): void;
  /** Breaks the reply off, so that a short one never looks complete. */
  abort(): void;
}

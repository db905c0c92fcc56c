export interface Settlement {
  readonly entry: string;
  readonly permit: string;
}

/** One item of an outbox's batch: a frame to append, a stream to trim, an entry to settle, or any of them together. */
export interface Outgoing<Stream> {
  readonly stream: Stream;
  readonly frame: Buffer | undefined;
  /** Body that belongs to the end of the frame, when it is bulk. */
  readonly bulk: readonly Buffer[];
  /** The content of the doorbell: empty = the frame itself. */
  readonly notice: Buffer | '';
  readonly seq: number;
  /** First sequence number of the opposite stream that is still needed; 0 = trim nothing. */
  readonly trimTo: number;
  /** The opposite stream. */
  readonly trimKey: string;
  readonly settle: Settlement | undefined;
}

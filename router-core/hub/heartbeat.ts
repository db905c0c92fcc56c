import type { FieldLines } from '../http/field-lines.ts';
import type { ClientReply, Sender } from './front/client-reply.ts';

/** A comment of an event stream, which every client skips, and the empty line behind it. */
const COMMENT = Buffer.from(': \n\n');

const EVENT_STREAM = /^content-type: *text\/event-stream *[;\r]/im;
const ENCODED = /^content-encoding: /im;

/** The end of an event: an empty line. CR LF, LF and CR each end a line. */
const EVENT_END = /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)$/;
/** The longest end of an event, in bytes. */
const END_BYTES = 4;

/**
 * Keeps proxies from cutting an event stream whose upstream is silent: writes a comment whenever nothing was sent for a while and the
 * last event is complete. For the hub's own timers comments do not count: a dead upstream is found as before.
 */
export class Heartbeat implements Sender {
  readonly #reply: ClientReply;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout;
  #sentAt = performance.now();
  /** The last bytes of the stream, as latin1. */
  #tail = '';
  #isEventOpen = false;
  /** The client has not yet taken the last comment: one that does not read gets no further one. */
  #isUntaken = false;

  constructor(reply: ClientReply, everyMs: number) {
    this.#reply = reply;
    this.#everyMs = everyMs;
    this.#timer = this.#wait(everyMs);
  }

  /** Bytes of the upstream have gone to the client. */
  sent(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#sentAt = performance.now();
    const last = bytes.toString('latin1', Math.max(0, bytes.length - END_BYTES));
    this.#tail = (this.#tail + last).slice(-END_BYTES);
    this.#isEventOpen = !EVENT_END.test(this.#tail);
  }

  taken(): void {
    this.#isUntaken = false;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** One timer for the whole stream: an event costs no new one. */
  #wait(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#look(), Math.max(1, ms));
  }

  #look(): void {
    const restMs = this.#sentAt + this.#everyMs - performance.now();
    if (restMs > 0) {
      this.#timer = this.#wait(restMs);
      return;
    }
    if (!this.#isEventOpen && !this.#isUntaken) {
      this.#isUntaken = true;
      this.#reply.write(COMMENT, this);
    }
    this.#timer = this.#wait(this.#everyMs);
  }
}

/** True for a reply into which comments may be written: an event stream whose bytes are neither counted nor encoded. */
export function takesHeartbeats(
  fields: FieldLines,
  { status, bodyBytes }: { readonly status: number; readonly bodyBytes: number | undefined },
): boolean {
  if (status === 101 || bodyBytes !== undefined) return false;
  return EVENT_STREAM.test(fields) && !ENCODED.test(fields);
}

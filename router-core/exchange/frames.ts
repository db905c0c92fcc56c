/**
 * A frame is one piece of a request or reply on its way through Redis, in a stream entry or a doorbell message. A doorbell
 * message is any number of frames back to back. Big-endian:
 *
 *     u32 bytes that follow │ u8 parts │ u16 attempt │ u32 seq │ u8 n, id │ the parts, in the order below
 *
 * seq counts the frames of one stream from 1 and is the entry's stream id (`<seq>-0`). 0 is a hint that is in no stream,
 * FENCE the last frame that a stream can have. A frame without parts is a notice: "read the stream".
 */
export const PART = {
  /** u8 n, who answers, in its first frame (reply-owner.ts). */
  owner: 1,
  /** u32 n, head (heads.ts). */
  head: 2,
  /** u32 bytes the reader has consumed more. */
  credit: 4,
  /** u16 n, `code\ndetail`: the exchange has failed. Beside `stop`: why the request has moved. */
  failed: 8,
  /** u32 n, trailers as name\nvalue…: the stream is complete. */
  end: 16,
  /** u8 n, `<lane> <entry>`: a waiting request has been handed over (hint). */
  handed: 64,
  /** The rest of the frame: body bytes. */
  body: 32,
  /**
   * Reset (hub → agent: stop) or moved (to a hub: the next attempt follows). With a body, that is the request itself, which
   * its hub admits again.
   */
  stop: 128,
} as const;

/** The largest integer that V8 holds unboxed: after a larger one has passed, a reader stays slow. */
export const FENCE = 0x7fff_ffff;

/** Id of a hint that concerns no request: an instance that gets it sends a heartbeat at once. */
export const NUDGE_ID = '-';

/** Attempt number of a frame that concerns any running attempt. */
export const EVERY_ATTEMPT = 0xffff;

/** No frame of ours is larger: 256 KiB of body, a head and trailers of at most 64 KiB each, and the fields that routes add. */
export const MAX_FRAME_BYTES = 1024 * 1024;

/** The parts of a frame. Absent parts are undefined; `credit` in bytes. */
export interface FrameParts {
  owner?: string | undefined;
  head?: string | undefined;
  credit?: number | undefined;
  failed?: string | undefined;
  end?: string | undefined;
  body?: Buffer[] | undefined;
  stop?: boolean | undefined;
}

export interface Frame {
  readonly id: string;
  readonly attempt: number;
  readonly seq: number;
  readonly parts: number;
  readonly owner: string | undefined;
  readonly head: string | undefined;
  readonly credit: number;
  readonly failed: string | undefined;
  readonly end: string | undefined;
  readonly body: Buffer | undefined;
  readonly handed: string | undefined;
}

const PREFIX = 4 + 1 + 2 + 4 + 1;

export function bytesOf(list: readonly Buffer[] | undefined): number {
  let bytes = 0;
  if (list) for (const chunk of list) bytes += chunk.length;
  return bytes;
}

/** Encodes one frame into one buffer, or all of it but its body. All text is latin1: one character, one byte. */
export function encodeFrame(
  id: string,
  attempt: number,
  seq: number,
  parts: FrameParts,
  withBody = true,
): Buffer {
  const { owner, head, credit, failed, end, body } = parts;
  let bits = parts.stop ? PART.stop : 0;
  let length = PREFIX + id.length;
  const add = (bit: number, bytes: number) => {
    bits |= bit;
    length += bytes;
  };
  if (owner !== undefined) add(PART.owner, 1 + owner.length);
  if (head !== undefined) add(PART.head, 4 + head.length);
  if (credit) add(PART.credit, 4);
  if (failed !== undefined) add(PART.failed, 2 + failed.length);
  if (end !== undefined) add(PART.end, 4 + end.length);
  const bodyBytes = bytesOf(body);
  if (body !== undefined && body.length > 0) add(PART.body, bodyBytes);

  const buffer = Buffer.allocUnsafe(withBody ? length : length - bodyBytes);
  buffer.writeUInt32BE(length - 4, 0);
  buffer[4] = bits;
  buffer.writeUInt16BE(attempt, 5);
  buffer.writeUInt32BE(seq, 7);
  buffer[11] = id.length;
  let at = PREFIX + buffer.write(id, PREFIX, 'latin1');
  if (owner !== undefined) {
    buffer[at] = owner.length;
    at += 1 + buffer.write(owner, at + 1, 'latin1');
  }
  if (head !== undefined) {
    at = buffer.writeUInt32BE(head.length, at);
    at += buffer.write(head, at, 'latin1');
  }
  if (credit) at = buffer.writeUInt32BE(credit, at);
  if (failed !== undefined) {
    at = buffer.writeUInt16BE(failed.length, at);
    at += buffer.write(failed, at, 'latin1');
  }
  if (end !== undefined) {
    at = buffer.writeUInt32BE(end.length, at);
    at += buffer.write(end, at, 'latin1');
  }
  if (body && withBody) for (const chunk of body) at += chunk.copy(buffer, at);
  return buffer;
}

export const NUDGE = encodeFrame(NUDGE_ID, 0, 0, {});

/**
 * Ends an attempt: the request is in line again. `unstarted` and `unreachable` say that its upstream has certainly not seen it.
 * `detail` is for the log.
 */
export function movedFrame(id: string, attempt: number, why: string, detail: string): Buffer {
  const failed = `${why}\n${loggable(detail)}`;
  return encodeFrame(id, attempt, FENCE, { stop: true, failed });
}

/** The part of a text that a frame may carry for the log. */
export function loggable(detail: string): string {
  return detail.replace(/[^\x20-\x7e]/g, ' ').slice(0, 500);
}

/**
 * The frame that starts at `offset`; `next` is the start of the following one. Undefined for bytes that no frame of ours
 * consists of: agents can write anything into their group. Allocates no more memory than the size of its input.
 */
export function decodeFrame(buffer: Buffer, offset = 0): { frame: Frame; next: number } | undefined {
  if (offset + PREFIX > buffer.length) return undefined;
  reading.at = offset;
  reading.end = buffer.length;
  const next = offset + 4 + number(buffer, 4);
  if (next > buffer.length || next - offset > MAX_FRAME_BYTES) return undefined;
  reading.end = next;
  const parts = number(buffer, 1);
  const attempt = number(buffer, 2);
  const seq = number(buffer, 4);
  const id = text(buffer, 1);
  const owner = parts & PART.owner ? text(buffer, 1) : undefined;
  const head = parts & PART.head ? text(buffer, 4) : undefined;
  const credit = parts & PART.credit ? number(buffer, 4) : 0;
  const failed = parts & PART.failed ? text(buffer, 2) : undefined;
  const end = parts & PART.end ? text(buffer, 4) : undefined;
  const handed = parts & PART.handed ? text(buffer, 1) : undefined;
  const { at } = reading;
  if (at > next || seq > FENCE || id === '') return undefined;
  const body = parts & PART.body ? buffer.subarray(at, next) : undefined;
  if (body === undefined && at < next) return undefined;
  return { frame: { id, attempt, seq, parts, owner, head, credit, failed, end, body, handed }, next };
}

/**
 * The position of decodeFrame; beyond `end` once a part was shorter than it announced. Shared by all calls, to save an
 * allocation.
 */
const reading = { at: 0, end: 0 };

/** Reads a number of so many bytes. readUInt32BE() and the like would throw. */
function number(buffer: Buffer, bytes: 1 | 2 | 4): number {
  let value = 0;
  const end = (reading.at += bytes);
  if (end > reading.end) return 0;
  // Multiplies, because a shift is negative from 2^31 on.
  for (let at = end - bytes; at < end; at++) value = value * 256 + (buffer[at] ?? 0);
  return value;
}

/** Reads a text behind its length, which has so many bytes. */
function text(buffer: Buffer, lengthBytes: 1 | 2 | 4): string {
  const length = number(buffer, lengthBytes);
  const start = reading.at;
  const end = (reading.at += length);
  return end > reading.end ? '' : buffer.toString('latin1', start, end);
}

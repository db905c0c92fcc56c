import type { FrameParts } from '../../../router-core/exchange/frames.ts';
import { encodeReplyHead } from '../../../router-core/exchange/heads.ts';

// Data that no honest agent writes: frames whose parts contradict each other, rows that nobody has asked for.

/** The head of a reply; field lines as they are given. */
export function replyHead(status: number, lines: readonly string[] = [], reason = 'OK'): string {
  return encodeReplyHead({
    status,
    reason,
    upstreamMs: 1,
    fields: lines.map((line) => `${line}\r\n`).join(''),
  });
}

/** A whole reply in one frame. */
export function wholeReply(owner: string, lines: readonly string[], body: string, status = 200): FrameParts {
  return { owner, head: replyHead(status, lines), body: [Buffer.from(body)], end: '' };
}

export interface RawFrame {
  /** Bytes that follow the length, as the frame claims. Default: what is there. */
  readonly length?: number;
  /** The parts that it claims to have. */
  readonly bits?: number;
  readonly attempt?: number;
  readonly seq?: number;
  readonly id?: string;
  /** Length of the id, as the frame claims. */
  readonly idLength?: number;
  /** The parts as they are. */
  readonly parts?: Buffer;
}

/** A frame with any lie in it. */
export function rawFrame(frame: RawFrame): Buffer {
  const { bits = 0, attempt = 1, seq = 1, id = 'none', parts = Buffer.alloc(0) } = frame;
  const start = Buffer.alloc(12);
  start.writeUInt32BE(frame.length ?? 8 + id.length + parts.length, 0);
  start[4] = bits;
  start.writeUInt16BE(attempt, 5);
  start.writeUInt32BE(seq, 7);
  start[11] = frame.idLength ?? id.length;
  return Buffer.concat([start, Buffer.from(id, 'latin1'), parts]);
}

/** The meta of a request that nobody has sent. */
export function metaOf(
  fields: Partial<
    Record<'id' | 'attempt' | 'max' | 'flags' | 'hub' | 'deadline' | 'waitUntil' | 'scope', string | number>
  >,
): string {
  const far = Date.now() + 3_600_000;
  const {
    id = 'foreign',
    attempt = 1,
    max = 2,
    flags = 's',
    hub = 'none',
    deadline = far,
    waitUntil = far,
    scope = '-',
  } = fields;
  return [id, attempt, max, flags, hub, deadline, waitUntil, scope].join(' ');
}

/** Many commands in one go, in pieces that do not hold Redis up. */
export async function inPieces<T>(
  items: readonly T[],
  send: (piece: readonly T[]) => Promise<unknown>,
  size = 1_000,
): Promise<void> {
  for (let at = 0; at < items.length; at += size) await send(items.slice(at, at + size));
}

import { connect as connectTcp, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { waitFor } from './wait.ts';

/** Types of frames, RFC 9113 §6. */
export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const FLAG = { END_STREAM: 1, ACK: 1, END_HEADERS: 4 } as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A header block of literals that nobody has to remember (RFC 7541 §6.2.2), as sent: nothing is checked. latin1. */
export function headerBlock(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), literal(name), literal(value)]));
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** The head of a GET; fields with the same name as one of it replace it. */
export function getHead(target: string, ...fields: (readonly [string, string])[]): Buffer {
  const pseudo = new Map([
    [':method', 'GET'],
    [':scheme', 'http'],
    [':authority', 'h'],
    [':path', target],
  ]);
  return headerBlock([...pseudo, ...fields]);
}

export interface FrameConnection {
  readonly socket: Socket;
  send(...frames: Buffer[]): void;
  /** All frames so far. */
  readonly frames: Frame[];
  /** The first frame that fits. */
  next(fits: (frame: Frame) => boolean, what: string): Promise<Frame>;
  /** Resolves when the other side has closed it. */
  readonly closed: Promise<void>;
}

/** A connection in the clear on which HTTP/2 has begun, frame by frame: SETTINGS are sent and acknowledged. */
export async function openFrames(port: number): Promise<FrameConnection> {
  const socket = connectTcp({ port, host: '127.0.0.1', noDelay: true });
  onTestFinished(() => void socket.destroy());
  const frames: Frame[] = [];
  let bytes: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 9) {
      const end = 9 + bytes.readUIntBE(0, 3);
      if (bytes.length < end) return;
      const [, , , type = 0, flags = 0] = bytes;
      frames.push({ type, flags, stream: bytes.readUInt32BE(5), payload: bytes.subarray(9, end) });
      bytes = bytes.subarray(end);
    }
  });
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  const send = (...sent: Buffer[]) => void (socket.writable && socket.write(Buffer.concat(sent)));
  const next = (fits: (frame: Frame) => boolean, what: string) => waitFor(() => frames.find(fits), { what });
  send(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(FRAME.SETTINGS, 0, 0));
  await next(({ type, flags }) => type === FRAME.SETTINGS && flags === 0, 'the settings of the hub');
  send(frame(FRAME.SETTINGS, FLAG.ACK, 0));
  return { socket, send, frames, next, closed };
}

/** How a hub has answered a request: a status with an index in the static table of HPACK, a code of RST_STREAM, or of GOAWAY. */
export async function verdictOn(client: FrameConnection, stream: number): Promise<string> {
  const isAnswer = (found: Frame) =>
    found.stream === stream && (found.type === FRAME.HEADERS || found.type === FRAME.RST_STREAM);
  const isError = ({ type: of, payload: why }: Frame) => of === FRAME.GOAWAY && why.readUInt32BE(4) !== 0;
  const { type, payload } = await client.next((found) => isAnswer(found) || isError(found), 'an answer');
  if (type === FRAME.RST_STREAM) return `reset ${payload.readUInt32BE(0)}`;
  if (type === FRAME.GOAWAY) return `goaway ${payload.readUInt32BE(4)}`;
  const statuses = [200, 204, 206, 304, 400, 404, 500];
  return String(statuses[(payload[0] ?? 0) - 0x88] ?? `another status (${payload[0]})`);
}

/**
 * A message on the WebSocket between an agent and a hub. docs/link.md is the reference for both ends:
 *
 *     u8 type │ u32 channel │ u32 n │ n bytes of JSON │ the rest: bytes of a body
 */
export const MESSAGE = {
  hello: 1,
  welcome: 2,
  offer: 3,
  grant: 4,
  request: 5,
  data: 6,
  credit: 7,
  stop: 8,
  settled: 9,
  requeue: 10,
  requeued: 11,
  resumed: 12,
  gone: 13,
  away: 14,
  refused: 15,
} as const;

export const LINK_PROTOCOL = 'mini-router.v1';
export const LINK_PROTOCOL_VERSION = 1;

/** The channel of what concerns the link itself. */
export const LINK_CHANNEL = 0;

/** The most bytes of a body in one message: a larger one would keep pings and other requests waiting. */
export const PIECE_BYTES = 16 * 1024;

/** The most bytes of a message: a head of 64 KiB, each character of which may take six bytes as JSON, does not fit twice. */
export const MAX_MESSAGE_BYTES = 256 * 1024;

const PREFIX_BYTES = 9;

export interface LinkMessage {
  readonly type: number;
  readonly channel: number;
  readonly json: Readonly<Record<string, unknown>>;
  /** Empty when there is none. */
  readonly body: Buffer;
}

const NOTHING: Readonly<Record<string, unknown>> = Object.freeze({});
const NO_BYTES = Buffer.alloc(0);

export function encodeMessage(type: number, channel: number, json?: object, body: Buffer = NO_BYTES): Buffer {
  const text = json === undefined ? '' : JSON.stringify(json);
  const jsonBytes = Buffer.byteLength(text);
  const buffer = Buffer.allocUnsafe(PREFIX_BYTES + jsonBytes + body.length);
  buffer[0] = type;
  buffer.writeUInt32BE(channel, 1);
  buffer.writeUInt32BE(jsonBytes, 5);
  buffer.write(text, PREFIX_BYTES, 'utf8');
  body.copy(buffer, PREFIX_BYTES + jsonBytes);
  return buffer;
}

/** Undefined for bytes that are not a message. The type may be one that nobody knows. */
export function decodeMessage(buffer: Buffer): LinkMessage | undefined {
  if (buffer.length < PREFIX_BYTES) return undefined;
  const type = buffer.readUInt8(0);
  const channel = buffer.readUInt32BE(1);
  const end = PREFIX_BYTES + buffer.readUInt32BE(5);
  if (end > buffer.length) return undefined;
  const json = end === PREFIX_BYTES ? NOTHING : parseObject(buffer.toString('utf8', PREFIX_BYTES, end));
  return json && { type, channel, json, body: buffer.subarray(end) };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

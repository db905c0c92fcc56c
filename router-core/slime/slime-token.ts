import { createDecipheriv } from 'node:crypto';

/** The content of a token that slime's own hub gave to an agent. */
export interface SlimeToken {
  readonly id: string;
  readonly name: string;
  /** Unix seconds; 0 = it does not expire. */
  readonly expireAt: number;
  /** Exact paths; empty = all. */
  readonly scopePaths: readonly string[];
  readonly scopes: readonly string[];
}

const [KEY_BYTES, NONCE_BYTES, TAG_BYTES] = [32, 12, 16];
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** Names and paths of one token have to fit into a header field. */
const MOST_CHARS = 16 * 1024;

/** slime's key is the secret's bytes, cut or filled with zeros to 32. */
export function slimeKey(secret: string): Buffer {
  const key = Buffer.alloc(KEY_BYTES);
  Buffer.from(secret).copy(key);
  return key;
}

/** Undefined for what was not made with this key. */
export function readSlimeToken(text: string, key: Buffer): SlimeToken | undefined {
  const bytes = text.length > MOST_CHARS ? undefined : decodeBase32(text);
  if (!bytes || bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const tagAt = bytes.length - TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAuthTag(bytes.subarray(tagAt));
  try {
    const plain = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, tagAt)), decipher.final()]);
    return readMessage(plain);
  } catch {
    return undefined;
  }
}

/** RFC 4648 §6, without padding. */
function decodeBase32(text: string): Buffer | undefined {
  const bytes = Buffer.alloc(Math.floor((text.length * 5) / 8));
  let [at, bits, left] = [0, 0, 0];
  for (const char of text) {
    const value = ALPHABET.indexOf(char);
    if (value < 0) return undefined;
    bits = ((bits << 5) | value) & 0xfff;
    left += 5;
    if (left < 8) continue;
    left -= 8;
    bytes[at++] = (bits >> left) & 0xff;
  }
  return bytes;
}

/** The wire types of protobuf that a token has: a varint, and bytes behind their length. */
const [VARINT, BYTES] = [0, 2];

/**
 * protobuf `AgentToken { int64 id = 1; string name = 2; int64 expire_at = 3; repeated string scope_paths = 4; repeated string
 * scopes = 5; }`. Throws for anything else.
 */
function readMessage(bytes: Buffer): SlimeToken {
  const token = { id: '0', name: '', expireAt: 0, scopePaths: [] as string[], scopes: [] as string[] };
  const reader = { bytes, at: 0 };
  while (reader.at < bytes.length) {
    const key = Number(readVarint(reader));
    const [field, type] = [key >> 3, key & 7];
    if (type === VARINT) {
      const value = readVarint(reader);
      if (field === 1) token.id = String(value);
      else if (field === 3) token.expireAt = Number(BigInt.asIntN(64, value));
    } else if (type === BYTES) {
      const text = readText(reader);
      if (field === 2) token.name = text;
      else if (field === 4) token.scopePaths.push(text);
      else if (field === 5) token.scopes.push(text);
    } else throw new Error(`wire type ${type}`);
  }
  return token;
}

interface Reader {
  readonly bytes: Buffer;
  at: number;
}

function readVarint(reader: Reader): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = reader.bytes[reader.at++];
    if (byte === undefined) throw new Error('a varint without an end');
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw new Error('a varint that is too long');
}

function readText(reader: Reader): string {
  const end = Number(readVarint(reader)) + reader.at;
  if (end > reader.bytes.length) throw new Error('a text without an end');
  const text = reader.bytes.toString('utf8', reader.at, end);
  reader.at = end;
  return text;
}

import { createCipheriv, randomBytes } from 'node:crypto';

export interface TokenFields {
  readonly id?: number;
  readonly name?: string;
  /** Unix seconds. */
  readonly expireAt?: number;
  readonly scopePaths?: readonly string[];
  readonly scopes?: readonly string[];
}

/** A token as slime's hub makes it. */
export function slimeToken(secret: string, fields: TokenFields = {}): string {
  return sealed(secret, message(fields));
}

/** Any text as the plain text of a token. */
export function sealed(secret: string, plain: Buffer): string {
  const key = Buffer.alloc(32);
  Buffer.from(secret).copy(key);
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const text = Buffer.concat([cipher.update(plain), cipher.final()]);
  return base32(Buffer.concat([nonce, text, cipher.getAuthTag()]));
}

/** protobuf, as Go writes it: fields in order, none that has its default. */
function message({
  id = 1,
  name = 'old-box',
  expireAt = 0,
  scopePaths = [],
  scopes = [],
}: TokenFields): Buffer {
  const number = (field: number, value: number) =>
    value === 0 ? [] : [...varint(field << 3), ...varint(value)];
  const text = (field: number, value: string) => {
    const bytes = Buffer.from(value);
    return [...varint((field << 3) | 2), ...varint(bytes.length), ...bytes];
  };
  return Buffer.from([
    ...number(1, id),
    ...text(2, name),
    ...number(3, expireAt),
    ...scopePaths.flatMap((path) => text(4, path)),
    ...scopes.flatMap((scope) => text(5, scope)),
  ]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let left = BigInt(value); ; left >>= 7n) {
    const low = Number(left & 0x7fn);
    if (left < 0x80n) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

function base32(bytes: Buffer): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? [])
    .map((five) => alphabet[Number.parseInt(five.padEnd(5, '0'), 2)])
    .join('');
}

/** The number of slots into which a Redis Cluster divides all keys. */
export const SLOTS = 16_384;

const POLYNOMIAL = 0x1021;

/** The slot of the keys and channels with this hash tag: CRC-16/XMODEM of the tag. */
export function hashSlot(tag: string): number {
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1) & 0xffff;
  }
  return crc % SLOTS;
}

import { decodeFrame } from '../../router-core/exchange/frames.ts';

/** The frame that starts at `offset`, where a test knows that there is one. */
export function decoded(buffer: Buffer, offset = 0): NonNullable<ReturnType<typeof decodeFrame>> {
  const found = decodeFrame(buffer, offset);
  if (!found) throw new Error(`no frame at ${offset} of ${buffer.length} bytes`);
  return found;
}

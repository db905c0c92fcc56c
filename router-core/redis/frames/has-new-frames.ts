import type { Redis } from 'ioredis';
import type { FrameReader } from '../../exchange/frame-reader.ts';
import { WINDOW_BYTES } from '../../exchange/frame-stream.ts';
import { isServerError } from '../connection/connection.ts';

/** Room for a window, a head, and the overhead of Redis for each frame. */
const MOST_BYTES = 3 * WINDOW_BYTES;

/** Checks the size of a stream before it is read: a writer can make entries of any size. */
export async function hasNewFrames(client: Redis, reader: FrameReader): Promise<boolean | 'too-many'> {
  const { key } = reader;
  try {
    let bytes = await client.memory('USAGE', key, 'SAMPLES', 0);
    if (bytes !== null && bytes > MOST_BYTES) {
      // Frames that were read are no longer needed. Small ones may pile up before the reader's next grant trims them.
      await client.xtrim(key, 'MINID', `${reader.lastSeq + 1}-0`);
      bytes = await client.memory('USAGE', key, 'SAMPLES', 0);
    }
    if (bytes !== null && bytes > MOST_BYTES) return 'too-many';
    return bytes !== null;
  } catch (error) {
    // A server that does not report sizes is read nevertheless; a lost connection is not.
    if (!isServerError(error) || isWrongType(error)) throw error;
    return true;
  }
}

/** The key holds something else than a stream. */
export function isWrongType(error: unknown): boolean {
  return isServerError(error) && error.message.startsWith('WRONGTYPE');
}

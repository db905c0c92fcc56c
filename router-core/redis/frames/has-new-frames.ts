import type { Redis } from 'ioredis';
import type { FrameReader } from '../../exchange/frame-reader.ts';
import { WINDOW_BYTES } from '../../exchange/frame-stream.ts';
import { isServerError } from '../connection/connection.ts';

/** What a writer may be ahead by its window, its head, and what Redis adds to each frame, have room in it. */
const MOST_BYTES = 3 * WINDOW_BYTES;

/** Looks at the size of a stream before it is read: an entry can have as many bytes as its writer likes. */
export async function hasNewFrames(client: Redis, reader: FrameReader): Promise<boolean | 'too-many'> {
  const { key } = reader;
  try {
    let bytes = await client.memory('USAGE', key, 'SAMPLES', 0);
    if (bytes !== null && bytes > MOST_BYTES) {
      // What was read is needed by nobody, and of small frames it may be much before it is granted and goes by itself.
      await client.xtrim(key, 'MINID', `${reader.lastSeq + 1}-0`);
      bytes = await client.memory('USAGE', key, 'SAMPLES', 0);
    }
    if (bytes !== null && bytes > MOST_BYTES) return 'too-many';
    return bytes !== null;
  } catch (error) {
    // A server that does not say is read nevertheless; a lost connection is not.
    if (!isServerError(error) || isWrongType(error)) throw error;
    return true;
  }
}

/** Somebody has put something else where a stream should be. */
export function isWrongType(error: unknown): boolean {
  return isServerError(error) && error.message.startsWith('WRONGTYPE');
}

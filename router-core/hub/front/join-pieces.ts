import type { Duplex } from 'node:stream';
import { SMALL_BYTES, SmallPieces } from './small-pieces.ts';

/**
 * Joins small pieces of a body that nobody takes yet: a window of 256 KiB in frames of one byte would be as many objects, some
 * 40 MB. Pieces that somebody takes go on as they come.
 */
export function joinPieces(stream: Duplex): void {
  let pieces: SmallPieces | undefined;
  const push = stream.push.bind(stream);
  const flush = () => pieces === undefined || pieces.isEmpty || push(pieces.take());
  stream.push = (piece: Buffer | null): boolean => {
    const isJoined = piece !== null && piece.length < SMALL_BYTES && stream.isPaused();
    if (isJoined && (pieces ??= new SmallPieces()).add(piece)) return false;
    const isWanted = flush();
    return isJoined && pieces?.add(piece) ? isWanted : push(piece);
  };
  stream.on('resume', flush);
}

import type { Redis } from 'ioredis';
import type { PulledRequest } from '../../exchange/agent-link.ts';
import { decodeFrame } from '../../exchange/frames.ts';
import { decodeRequestHead } from '../../exchange/heads.ts';
import { isFromElsewhere } from '../connection/origin.ts';

/** `[entry id, [meta, payload]]`, as XREADGROUP replies. */
export type StreamEntry = [id: Buffer, fields: Buffer[]];

/** The requests in a lane's entries. `redisNow` in Redis ms. */
export function decodeEntries(
  entries: StreamEntry[],
  { client, lane, redisNow }: { client: Redis; lane: string; redisNow: number },
): PulledRequest[] {
  const requests: PulledRequest[] = [];
  for (const [entry, fields] of entries) {
    const [meta, payload] = fields ?? [];
    // Deleted since it was delivered: cancelled.
    if (!meta || !payload) continue;
    const [id = '', attempt, , flags = '', hub = '', deadline] = meta.toString('latin1').split(' ');
    const { frame } = decodeFrame(payload);
    requests.push({
      id,
      attempt: Number(attempt),
      hub,
      head: decodeRequestHead(frame.head ?? ''),
      body: frame.body,
      trailers: frame.end ?? '',
      bodyFollows: flags.includes('b'),
      mayHaveRun: isFromElsewhere(flags, client),
      remainingMs: Number(deadline) - redisNow,
      lane,
      entry: entry.toString('latin1'),
    });
  }
  return requests;
}

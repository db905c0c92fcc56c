import type { Redis } from 'ioredis';
import type { OwnedRequest, PulledRequest, RequestHandle } from '../../exchange/agent-link.ts';
import { decodeFrame } from '../../exchange/frames.ts';
import { decodeRequestHead } from '../../exchange/heads.ts';
import { isFromElsewhere } from '../connection/origin.ts';
import { listOf } from '../connection/reply-shape.ts';
import { decodeMeta, type RequestMeta } from '../scripts/meta.ts';

/** An entry that is no request. It is settled: otherwise it would come again for ever. */
export interface BadEntry {
  readonly entry: string;
  /** Says which hub to inform; undefined when it cannot be parsed either. */
  readonly meta: RequestMeta | undefined;
}

export interface DecodedEntries {
  readonly requests: PulledRequest[];
  readonly bad: BadEntry[];
}

interface DecodeContext {
  readonly client: Redis;
  /** Redis ms. */
  readonly redisNow: number;
}

const ENTRY_ID = /^\d{1,20}-\d{1,20}$/;

/** No meta is longer: decodeMeta would need a copy of the text. */
const MOST_META_BYTES = 512;

/**
 * The requests in the reply of XREADGROUP for one lane: `[[stream, [[entry id, [meta, payload]], …]]]`, or null. Nothing in a
 * lane can be trusted, because every agent of the group may write there.
 */
export function decodeEntries(reply: unknown, context: DecodeContext): DecodedEntries {
  const requests: PulledRequest[] = [];
  const bad: BadEntry[] = [];
  for (const row of listOf(listOf(listOf(reply)[0])[1])) {
    const [id, fields] = listOf(row);
    const entry = Buffer.isBuffer(id) && id.length <= 41 ? id.toString('latin1') : '';
    // An entry without fields was deleted since it was delivered: the request was cancelled.
    if (!ENTRY_ID.test(entry) || !Array.isArray(fields)) continue;
    const [metaBytes, payload] = fields as unknown[];
    const meta =
      Buffer.isBuffer(metaBytes) && metaBytes.length <= MOST_META_BYTES
        ? decodeMeta(metaBytes.toString('latin1'))
        : undefined;
    const request = meta && Buffer.isBuffer(payload) && decodeRequest(entry, meta, payload, context);
    if (request) requests.push(request);
    else bad.push({ entry, meta });
  }
  return { requests, bad };
}

/** The ids of all entries in such a reply, including those that are no requests. */
export function entryIdsOf(reply: unknown): string[] {
  return listOf(listOf(listOf(reply)[0])[1]).map((row) => String(listOf(row)[0]));
}

/** Where a request stands in its lane: to this link, that is its handle. */
export function entryOf({ handle }: OwnedRequest): string {
  return handle;
}

function decodeRequest(
  entry: string,
  { id, attempt, flags, hub, deadline }: RequestMeta,
  payload: Buffer,
  { client, redisNow }: DecodeContext,
): PulledRequest | undefined {
  const { frame, next } = decodeFrame(payload) ?? {};
  const head = frame?.head === undefined ? undefined : decodeRequestHead(frame.head);
  if (!frame || !head || next !== payload.length) return undefined;
  return {
    id,
    attempt,
    hub,
    head,
    body: frame.body,
    trailers: frame.end ?? '',
    bodyFollows: flags.includes('b'),
    mayHaveRun: isFromElsewhere(flags, client),
    remainingMs: deadline - redisNow,
    handle: entry as RequestHandle,
  };
}

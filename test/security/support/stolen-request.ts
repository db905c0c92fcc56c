/** A request as it lies in a lane, read by hand. */
export interface StolenRequest {
  readonly id: string;
  readonly attempt: number;
  readonly hub: string;
  readonly lane: string;
  readonly entry: string;
  /** `id attempt maxAttempts flags hub deadline waitUntil scope` */
  readonly meta: string;
  /** The frame that carries it. */
  readonly payload: Buffer;
  /** Its head: method, target, protocol to switch to, then the header fields. */
  readonly head: string;
}

/** Undefined for what has been taken away since it was delivered. */
export function decodeStolen(
  [entry, fields]: [entry: Buffer, fields: Buffer[]],
  lane: string,
): StolenRequest | undefined {
  const [meta, payload] = fields ?? [];
  if (!meta || !payload) return undefined;
  const [id = '', attempt, , , hub = ''] = meta.toString('latin1').split(' ');
  // u32 length, u8 parts, u16 attempt, u32 seq, u8 n and id; a request has no owner, so its head comes next.
  const at = 12 + (payload[11] ?? 0);
  const head = payload.toString('latin1', at + 4, at + 4 + payload.readUInt32BE(at));
  return {
    id,
    attempt: Number(attempt),
    hub,
    lane,
    entry: entry.toString('latin1'),
    meta: meta.toString('latin1'),
    payload,
    head,
  };
}

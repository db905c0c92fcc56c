/** Header fields as they were sent: name, value, name, value… in order, duplicates kept (the shape of `rawHeaders`). */
export type RawHeaders = readonly string[];

/** The head of a request as the agent needs it. `target` is the request target in origin form, byte for byte. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly headers: RawHeaders;
  /** Protocol the client asks to switch to, such as `websocket`; empty = none. */
  readonly upgrade: string;
}

export interface ReplyHead {
  readonly status: number;
  readonly reason: string;
  /** ms from the call of the upstream to its head. */
  readonly upstreamMs: number;
  readonly headers: RawHeaders;
}

// Lines in latin1: no field name or value can hold a line feed (RFC 9110 §5.5), and every byte survives.
const join = (parts: readonly (string | number)[], headers: RawHeaders) =>
  Buffer.from(headers.length > 0 ? `${parts.join('\n')}\n${headers.join('\n')}` : parts.join('\n'), 'latin1');

export function encodeRequestHead(head: RequestHead): Buffer {
  return join([head.method, head.target, head.upgrade], head.headers);
}

export function decodeRequestHead(buffer: Buffer): RequestHead {
  const [method = '', target = '', upgrade = '', ...headers] = buffer.toString('latin1').split('\n');
  return { method, target, upgrade, headers };
}

export function encodeReplyHead(head: ReplyHead): Buffer {
  return join([head.status, head.reason, head.upstreamMs], head.headers);
}

export function decodeReplyHead(buffer: Buffer): ReplyHead {
  const [status, reason = '', upstreamMs, ...headers] = buffer.toString('latin1').split('\n');
  return { status: Number(status), reason, upstreamMs: Number(upstreamMs), headers };
}

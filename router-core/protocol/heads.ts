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
const join = (first: string, headers: RawHeaders) =>
  headers.length > 0 ? `${first}\n${headers.join('\n')}` : first;

export function encodeRequestHead({ method, target, upgrade, headers }: RequestHead): string {
  return join(`${method}\n${target}\n${upgrade}`, headers);
}

export function decodeRequestHead(text: string): RequestHead {
  const lines = text.split('\n');
  const [method = '', target = '', upgrade = ''] = lines;
  return { method, target, upgrade, headers: lines.slice(3) };
}

export function encodeReplyHead({ status, reason, upstreamMs, headers }: ReplyHead): string {
  return join(`${status}\n${reason}\n${upstreamMs}`, headers);
}

export function decodeReplyHead(text: string): ReplyHead {
  const lines = text.split('\n');
  const [status, reason = '', upstreamMs] = lines;
  return { status: Number(status), reason, upstreamMs: Number(upstreamMs), headers: lines.slice(3) };
}

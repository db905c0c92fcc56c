/** The head of a request as the agent needs it. `target` is the request target in origin form, byte for byte. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** Protocol the client asks to switch to, such as `websocket`; empty = none. */
  readonly upgrade: string;
  /** As HTTP/1.1 writes them: `Name: value` and CR LF each. */
  readonly fields: string;
}

export interface ReplyHead {
  readonly status: number;
  readonly reason: string;
  /** ms from the call of the upstream to its head. */
  readonly upstreamMs: number;
  /** As HTTP/1.1 writes them: `Name: value` and CR LF each. */
  readonly fields: string;
}

// Three lines, then the fields; latin1. No line can hold a line feed (RFC 9110 §5.5), and every other byte survives.

export function encodeRequestHead({ method, target, upgrade, fields }: RequestHead): string {
  return `${method}\n${target}\n${upgrade}\n${fields}`;
}

export function decodeRequestHead(text: string): RequestHead {
  const [method, target, upgrade, fields] = cut(text);
  return { method, target, upgrade, fields };
}

export function encodeReplyHead({ status, reason, upstreamMs, fields }: ReplyHead): string {
  return `${status}\n${reason}\n${upstreamMs}\n${fields}`;
}

export function decodeReplyHead(text: string): ReplyHead {
  const [status, reason, upstreamMs, fields] = cut(text);
  return { status: Number(status), reason, upstreamMs: Number(upstreamMs), fields };
}

function cut(text: string): [first: string, second: string, third: string, rest: string] {
  const first = text.indexOf('\n');
  const second = text.indexOf('\n', first + 1);
  const third = text.indexOf('\n', second + 1);
  return [
    text.slice(0, first),
    text.slice(first + 1, second),
    text.slice(second + 1, third),
    text.slice(third + 1),
  ];
}

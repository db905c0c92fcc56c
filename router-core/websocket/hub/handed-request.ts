import type { PulledRequest } from '../../exchange/agent-link.ts';
import { encodeRequestHead } from '../../exchange/heads.ts';
import { LinkFault } from '../wire/link-socket.ts';

/** The codes with which an agent may fail a reply. */
const FAILURES = new Set(['upstream-unreachable', 'upstream-failed', 'agent-lost']);

/** The JSON with which a request is handed to an agent. */
export function requestJson(request: PulledRequest, ticket: string): object {
  const { id, attempt, hub, head, remainingMs, bodyFollows, trailers, mayHaveRun } = request;
  return {
    id,
    attempt,
    hub,
    head: encodeRequestHead(head),
    ms: Math.max(0, Math.round(remainingMs)),
    follows: bodyFollows || undefined,
    trailers: trailers || undefined,
    mayHaveRun: mayHaveRun || undefined,
    ticket,
  };
}

/** Reads `code\ndetail`. Throws a LinkFault for a code that agents do not have. */
export function readFailure(text: string): { code: string; detail: string } {
  const line = text.indexOf('\n');
  const code = line < 0 ? text : text.slice(0, line);
  if (!FAILURES.has(code)) throw new LinkFault('protocol', 'an unknown failure');
  return { code, detail: line < 0 ? '' : text.slice(line + 1) };
}

import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { parseJson } from '../../runtime/parse-json.ts';

/** A hub, or whatever is at its address, has answered and let nobody in. */
export class HubRefusal extends Error {
  override readonly name = 'HubRefusal';
  /** The token has ended: nothing else will ever be answered. */
  readonly isTokenEnded: boolean;
  /** When to ask again, ms. */
  readonly retryMs: number | undefined;

  constructor(
    message: string,
    { code, retryMs }: { code?: string | undefined; retryMs?: number | undefined } = {},
  ) {
    super(message);
    this.isTokenEnded = code === TOKEN_ENDED;
    this.retryMs = retryMs;
  }
}

export const TOKEN_ENDED = 'token-ended';

const problemSchema = z.object({
  code: z.string().max(64).optional(),
  detail: z.string().max(500).optional(),
});

/** The most bytes of a reply that are read. */
const MOST_BYTES = 64 * 1024;

/** A reply's body as text; what is longer than that is cut. */
export async function readText(reply: IncomingMessage): Promise<string> {
  let text = '';
  reply.setEncoding('utf8');
  for await (const chunk of reply) {
    text += chunk as string;
    if (text.length > MOST_BYTES) break;
  }
  return text;
}

/** The meaning of a reply that is not the expected one. */
export async function refusalOf(hub: string, reply: IncomingMessage): Promise<HubRefusal> {
  const { code, detail } = problemSchema.safeParse(parseJson(await readText(reply))).data ?? {};
  const seconds = Number(reply.headers['retry-after']);
  const retryMs = seconds > 0 ? seconds * 1_000 : undefined;
  return new HubRefusal(describe(hub, reply.statusCode ?? 0, detail ?? code), { code, retryMs });
}

function describe(hub: string, status: number, detail: string | undefined): string {
  if (status === 404)
    return (
      `${hub} answered 404: it is no hub, or takes links on another port or none (--link-port, --no-link), ` +
      'or a proxy in front does not pass on /_router/link and /_router/agent'
    );
  if (status === 426) return `no WebSocket reaches ${hub}: a proxy in front of it may leave out Upgrade`;
  return `${hub} answered ${status}${detail === undefined ? '' : `: ${detail}`}`;
}

/** Why there was no reply, in a line. */
export function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  if (code === 'EPROTO')
    return 'no TLS is spoken there: its address may begin with http://, or be that of another port';
  // Several addresses that all refuse are an error without a message.
  return message === '' ? (code ?? 'unknown') : message;
}

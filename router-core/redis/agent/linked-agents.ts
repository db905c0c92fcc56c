import type { Redis } from 'ioredis';
import { z } from 'zod';
import { hardwareSchema, labelsSchema } from '../../exchange/hardware.ts';
import type { LinkedAgentReport } from '../../exchange/relay-link.ts';
import { parseJson } from '../../runtime/parse-json.ts';

/** The rows of a relay that was killed go after so long, ms. */
const TTL_MS = 60_000;

/** Changes within this time are written together, ms. */
const WRITE_EVERY_MS = 1_000;

/** One hub holds no more links. */
const MOST_AGENTS = 4_096;

/** Readers look no further. */
export const MOST_LINKED_BYTES = 4 * 1024 * 1024;

export interface LinkedAgentsOptions {
  readonly key: string;
  readonly client: () => Redis | undefined;
}

/** Keeps the agents behind a relay readable for operators. */
export class LinkedAgents {
  readonly #options: LinkedAgentsOptions;
  #agents: readonly LinkedAgentReport[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writtenAt = -Infinity;

  constructor(options: LinkedAgentsOptions) {
    this.#options = options;
  }

  show(agents: readonly LinkedAgentReport[]): void {
    this.#agents = agents;
    const dueMs = this.#writtenAt + WRITE_EVERY_MS - performance.now();
    this.#timer ??= setTimeout(() => this.#write(), Math.max(0, dueMs));
  }

  close(): void {
    clearTimeout(this.#timer);
    const { client, key } = this.#options;
    void client()
      ?.unlink(key)
      .catch(() => undefined);
  }

  #write(): void {
    this.#timer = undefined;
    this.#writtenAt = performance.now();
    const { client, key } = this.#options;
    const text = encodeLinkedAgents(this.#agents);
    // While Redis is away, what is shown next is written.
    void client()
      ?.set(key, text, 'PX', TTL_MS)
      .catch(() => undefined);
  }
}

/** As many as fit. */
export function encodeLinkedAgents(agents: readonly LinkedAgentReport[]): string {
  const rows: string[] = [];
  let bytes = 2;
  for (const agent of agents.slice(0, MOST_AGENTS)) {
    const row = JSON.stringify(agent);
    bytes += Buffer.byteLength(row) + 1;
    if (bytes > MOST_LINKED_BYTES) break;
    rows.push(row);
  }
  return `[${rows.join(',')}]`;
}

const instanceName = z.string().regex(/^[\w.-]{1,160}$/);

/** Agents with a token can write the key as well. */
const linkedAgentSchema = z.object({
  instance: instanceName,
  hub: z.string().max(64),
  hubName: z.string().max(300),
  name: z.string().max(200),
  version: z.string().max(100),
  concurrency: z.int().min(0),
  inFlight: z.int().min(0),
  slots: z.int().min(0),
  state: z.enum(['ready', 'upstream-down', 'paused', 'draining']),
  reason: z.string().max(1_000).optional(),
  agent: z.string().max(100).optional(),
  token: z.string().max(40).optional(),
  // An agent is shown also when these cannot be read.
  labels: labelsSchema.optional().catch(undefined),
  hardware: hardwareSchema.optional().catch(undefined),
  scopes: z.array(z.string().max(64)).max(32),
  roundTripMs: z.number().min(0).optional(),
  lastHeardAt: z.iso.datetime(),
  requests: z.array(z.string().max(64)).max(1_024).optional(),
}) satisfies z.ZodType<LinkedAgentReport>;

/** Without the rows that no relay has written. */
export function decodeLinkedAgents(text: string): LinkedAgentReport[] {
  const rows = parseJson(text);
  if (!Array.isArray(rows)) return [];
  return rows.slice(0, MOST_AGENTS).flatMap((row) => linkedAgentSchema.safeParse(row).data ?? []);
}

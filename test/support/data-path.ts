import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { AgentConfig } from '../../router-core/agent/settings.ts';
import type { HubConfig } from '../../router-core/hub/settings.ts';
import type { TestRedis } from './redis.ts';
import { startTestAgent, startTestHub, startUpstream, uniqueGroup, type TestHub } from './router.ts';

/** A hub and an agent of a group of their own, in front of an upstream. */
export interface DataPath {
  readonly hub: TestHub;
  readonly group: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Short: nothing runs any more when a test ends. */
const DRAIN_MS = 300;
/** The lease of an agent until a hub has published another one. */
const LEASE_MS = 6_000;

interface DataPathOptions {
  hub?: Partial<HubConfig>;
  agent?: Partial<AgentConfig>;
}

/** `upstream`: a URL of an upstream that the test owns, or the listener of one that this owns. */
export async function startDataPath(
  redis: TestRedis,
  upstream: string | RequestListener,
  options: DataPathOptions = {},
): Promise<DataPath> {
  const group = uniqueGroup();
  const own = typeof upstream === 'string' ? undefined : await startUpstream(upstream);
  // The agent first: a hub counts the live agents once a second, and would call the first refusal `no-agent`.
  const agent = await startTestAgent(redis.url, group, own?.url ?? String(upstream), {
    drainMs: DRAIN_MS,
    ...options.agent,
  });
  const hub = await startTestHub(redis.url, group, { drainMs: DRAIN_MS, leaseMs: LEASE_MS, ...options.hub });
  return {
    hub,
    group,
    port: hub.port,
    close: async () => {
      await Promise.all([hub.close(), agent.close()]);
      await own?.close();
    },
  };
}

/** A request as it reached an upstream. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: string[];
  readonly rawTrailers: string[];
  readonly body: Buffer;
}

/** A listener that notes every request once it is whole, and answers it with `answer` (default: 200 and `ok`). */
export function recordRequests(answer = (res: ServerResponse, _req: IncomingMessage) => void res.end('ok')): {
  seen: SeenRequest[];
  listener: RequestListener;
} {
  const seen: SeenRequest[] = [];
  const listener: RequestListener = (req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const { method = '', url = '', rawHeaders, rawTrailers } = req;
      seen.push({ method, url, rawHeaders, rawTrailers, body: Buffer.concat(chunks) });
      answer(res, req);
    });
  };
  return { seen, listener };
}

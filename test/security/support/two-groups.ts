import type { FrameParts } from '../../../router-core/exchange/frames.ts';
import type { GuardedRedis } from '../../support/agent-logins.ts';
import { recordLog } from '../../support/config.ts';
import { agentHere, upstreamHere } from '../../support/parts.ts';
import { openRaw, rawRequest, type RawConnection } from '../../support/raw-http.ts';
import { startTestHub, uniqueGroup, type TestHub } from '../../support/router.ts';
import { scrapeSources } from '../../support/metrics.ts';
import { onTestFinished } from 'vitest';
import type { StolenRequest } from './stolen-request.ts';
import { thiefHere, type Thief } from './thief.ts';

/** One hub with two groups: a thief has the token of one, an honest agent serves the other, all other paths. */
export interface TwoGroups {
  readonly hub: TestHub;
  readonly thief: Thief;
  readonly honestGroup: string;
  readonly logged: readonly { readonly msg: string }[];
  /** Replies of the thief that the hub has counted as not valid. */
  readonly invalidReplies: () => Promise<number>;
  /** Sends a request to the thief's group on a connection of its own, and the thief pulls it. */
  readonly ask: (
    method?: string,
    lines?: readonly string[],
  ) => Promise<{ client: RawConnection; request: StolenRequest }>;
  /** On the same connection: the reply of the honest group. */
  readonly askHonest: (client: RawConnection) => Promise<string>;
}

export const HONEST_REPLY = '200 /login is served';

/** Ends with the test. */
export async function twoGroupsHere(redis: GuardedRedis): Promise<TwoGroups> {
  const [honestGroup, stolenGroup] = [uniqueGroup(), uniqueGroup()];
  const groups = [
    { name: stolenGroup, path: '/stolen/*' },
    { name: honestGroup, path: '/*' },
  ];
  const { log, lines } = recordLog();
  const upstream = await upstreamHere((req, res) => res.end(`${req.url} is served`));
  const thief = await thiefHere(redis, stolenGroup);
  const hub = await startTestHub(redis.adminUrl, '', { groups, drainMs: 300 }, log);
  onTestFinished(() => hub.close());
  await agentHere(redis.adminUrl, honestGroup, upstream.url);
  await thief.join();
  return {
    hub,
    thief,
    honestGroup,
    logged: lines,
    async invalidReplies() {
      const scrape = await scrapeSources(hub.metrics);
      return scrape.sum('mini_router_hub_invalid_replies_total', { group: stolenGroup }) ?? 0;
    },
    async ask(method = 'GET', asked = []) {
      const client = await openRaw(hub.port);
      onTestFinished(() => client.close());
      client.write(rawRequest([`${method} /stolen/x HTTP/1.1`, 'Host: h', ...asked]));
      const [request] = await thief.pull();
      if (!request) throw new Error('nothing was pulled');
      return { client, request };
    },
    async askHonest(client) {
      client.write(rawRequest(['GET /login HTTP/1.1', 'Host: h']));
      const { status, body } = await client.reply();
      return `${status} ${body.toString()}`;
    },
  };
}

/** Sends frames as the reply and settles the request, as whoever wants to stay unnoticed. */
export async function replyAndSettle(
  thief: Thief,
  request: StolenRequest,
  frames: readonly FrameParts[],
): Promise<void> {
  await thief.reply(request, frames);
  await thief.settle(request);
}

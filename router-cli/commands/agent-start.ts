import type { Command } from 'commander';
import { z } from 'zod';
import { oneOf } from '../../router-core/runtime/options.ts';
import type { ApiInvocation } from './api-command.ts';
import { anyText, useFlag } from './flags.ts';

/** How an agent reaches its group: as `router-core agent` takes it. */
export type AgentWay = { readonly hub: string } | { readonly redis: string };

/** The parts of the printed command, apart from the token. */
export interface AgentStart {
  readonly upstream: string | undefined;
  readonly way: AgentWay;
}

const HUB = 'https://HUB-ADDRESS';
const REDIS = 'redis://REDIS-HOST:6379';

const LINKS = ['hub', 'redis'] as const;

const aboutSchema = z.object({ publicUrl: z.string().nullable() });

/** Flags for the command that is printed: an agent record has no upstreams, and takes either way. */
export function useAgentStart(command: Command): (invocation: ApiInvocation) => Promise<AgentStart> {
  const upstream = useFlag(command, {
    flag: '--upstream <url>',
    about: 'the URL of the service beside the agent, for the printed command',
    type: anyText(),
  });
  const link = useFlag(command, {
    flag: '--link <hub|redis>',
    about:
      'how the agent of the printed command reaches its group (default: hub, when router-api has --public-url, else redis)',
    type: oneOf(LINKS),
  });
  return async (invocation) => ({ upstream: upstream(), way: await wayOf(invocation, link()) });
}

/** By a hub when its address is known, or `link` says so. */
export async function wayOf(
  { api, target }: ApiInvocation,
  link?: (typeof LINKS)[number],
): Promise<AgentWay> {
  const redis = { redis: target.redisUrl ?? REDIS };
  if (link === 'redis') return redis;
  const { body } = await api.call('GET', '/v1/about');
  const { publicUrl } = aboutSchema.parse(body);
  if (publicUrl !== null) return { hub: publicUrl };
  return link === 'hub' ? { hub: HUB } : redis;
}

/** The sentence that explains a placeholder in the command; undefined when there is none. */
export function explainWay(way: AgentWay): string | undefined {
  if ('hub' in way && way.hub === HUB) return 'HUB-ADDRESS is where the agent reaches your hubs.';
  if ('redis' in way && way.redis === REDIS)
    return 'REDIS-HOST is the Redis of your hubs, as the agent reaches it.';
  return undefined;
}

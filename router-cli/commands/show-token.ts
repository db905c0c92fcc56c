import type { ObjectKind } from '../../router-core/config/object-kinds.ts';
import type { JsonObject } from '../api/client.ts';
import { siblingOf } from '../surroundings.ts';
import type { ApiInvocation } from './api-command.ts';

const UPSTREAM = 'http://127.0.0.1:8000';
const REDIS = 'redis://REDIS-HOST:6379';

interface Shown {
  readonly kind: ObjectKind;
  readonly object: JsonObject;
  readonly upstream?: string | undefined;
  /** False: a rotation has made the token. */
  readonly isNew: boolean;
}

/** The new token of an object, if there is one, and how to use it. */
export function showToken({ kind, object, upstream, isNew }: Shown, invocation: ApiInvocation): string[] {
  const { token } = object;
  if (typeof token !== 'string') return [];
  const lines = ['', 'Its token is shown only now:', '', `  ${token}`, ''];
  if (kind === 'agent') return [...lines, ...howToStart({ token, upstream, isNew }, invocation)];
  if (kind === 'app') return [...lines, `The app sends it with each request: Authorization: Bearer ${token}`];
  const { target } = invocation;
  return [
    ...lines,
    'To use it here:',
    '',
    `  echo ${token} | ${siblingOf(invocation.surroundings, 'router-cli')} login ${target.url} --with-token`,
  ];
}

function howToStart(
  { token, upstream, isNew }: { token: string; upstream: string | undefined; isNew: boolean },
  { surroundings, target }: ApiInvocation,
): string[] {
  const { redisUrl } = target;
  const redis = redisUrl ?? REDIS;
  const program = siblingOf(surroundings, 'router-core');
  return [
    isNew ? 'Start the agent beside its service:' : 'Start the agent anew with it:',
    '',
    `  ROUTER_AGENT_TOKEN=${token} ${program} agent --redis ${redis} --upstream ${upstream ?? UPSTREAM}`,
    ...(redisUrl === undefined ? ['', 'REDIS-HOST is the Redis of your hubs, as the agent reaches it.'] : []),
    ...(upstream === undefined
      ? ['', `${UPSTREAM} is an example: put the address of the service there.`]
      : []),
  ];
}

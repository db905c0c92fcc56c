import type { ObjectKind } from '../../router-core/config/object-kinds.ts';
import type { JsonObject } from '../api/client.ts';
import { siblingOf } from '../surroundings.ts';
import { explainWay, type AgentStart } from './agent-start.ts';
import type { ApiInvocation } from './api-command.ts';

const UPSTREAM = 'http://127.0.0.1:8000';

interface Shown {
  readonly kind: ObjectKind;
  readonly object: JsonObject;
  /** For an agent. */
  readonly start?: AgentStart | undefined;
  /** False: a rotation has made the token. */
  readonly isNew: boolean;
}

/** The new token of an object, if there is one, and how to use it. */
export function showToken({ kind, object, start, isNew }: Shown, invocation: ApiInvocation): string[] {
  const { token } = object;
  if (typeof token !== 'string') return [];
  const lines = ['', 'Its token is shown only now:', '', `  ${token}`, ''];
  if (start) return [...lines, ...howToStart({ token, start, isNew }, invocation)];
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
  { token, start, isNew }: { token: string; start: AgentStart; isNew: boolean },
  { surroundings }: ApiInvocation,
): string[] {
  const { upstream, way } = start;
  const at = 'hub' in way ? `--hub ${way.hub}` : `--redis ${way.redis}`;
  const explanation = explainWay(way);
  const program = siblingOf(surroundings, 'router-core');
  return [
    isNew ? 'Start the agent beside its service:' : 'Start the agent anew with it:',
    '',
    `  ROUTER_AGENT_TOKEN=${token} ${program} agent ${at} --upstream ${upstream ?? UPSTREAM}`,
    ...(explanation === undefined ? [] : ['', explanation]),
    ...(upstream === undefined
      ? ['', `${UPSTREAM} is an example: put the address of the service there.`]
      : []),
  ];
}

import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import type { LoggedProblem } from '../router-core/redis/control/process-logs.ts';
import { MOST_PROBLEMS } from '../router-core/runtime/recent-problems.ts';
import { forRole, guardedAnswers, jsonContent } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';
import { groupErrors, pageQuery } from './page.ts';
import { groupName } from './requests.ts';

const problemSchema = z
  .object({
    time: z.string().meta({ description: 'When it was logged, by the clock of its process' }),
    level: z.enum(['warn', 'error', 'fatal']),
    message: z.string(),
    error: z.string().nullable().meta({ description: 'The message of the error behind it' }),
    code: z.string().nullable().meta({ description: 'The code of that error', example: 'ECONNREFUSED' }),
    about: z.record(z.string(), z.string()).meta({
      description: 'Names that the message is about',
      example: { upstream: 'http://127.0.0.1:8000' },
    }),
    source: z.enum(['hub', 'agent']),
    name: z.string().meta({ description: 'The machine of the hub, or the `--name` of the agent' }),
    process: z.string().meta({ description: 'Id of the hub, or of the first instance of the agent' }),
    group: z.string().nullable().meta({ description: 'The group of the agent; null for hubs' }),
    agent: z
      .string()
      .nullable()
      .meta({ description: 'The agent record, as the agent says itself; null for hubs and shared logins' }),
  })
  .meta({
    id: 'LoggedProblem',
    description: 'A line of level warn or above in the log of a hub or an agent',
  });

const logsSchema = z.object({ items: z.array(problemSchema), errors: groupErrors });

const processName = z.string().max(300).optional();

const query = z.object({
  hub: processName.meta({ description: 'Only problems of hubs with this name or id' }),
  agent: processName.meta({ description: 'Only problems of agents with this record, `--name` or id' }),
  group: groupName.optional().meta({ description: 'Only problems of agents of this group' }),
  limit: pageQuery.limit,
});

/** GET /v1/logs: the recent problems of hubs and agents. */
export function logsEndpoint(api: Api, { control }: ApiParts): void {
  const route = createRoute({
    method: 'get',
    path: '/v1/logs',
    tags: ['status'],
    operationId: 'listLogs',
    summary: 'List recent problems of hubs and agents',
    description:
      `The newest first. Each process reports its last ${MOST_PROBLEMS} lines of the levels warn, error and fatal, without stacks; ` +
      'they are kept for 60 minutes after the process has gone. Agents write theirs themselves. Agents that reach their ' +
      'group through a hub are missing.',
    ...forRole('viewer'),
    request: { query },
    responses: { 200: jsonContent(logsSchema, 'The problems'), ...guardedAnswers('invalid') },
  });
  api.openapi(route, async (c) => {
    const { hub, agent, group, limit } = c.req.valid('query');
    const isOfAgents = agent !== undefined || group !== undefined;
    // Both at once is nobody: a hub has no group.
    const of = isOfAgents ? 'agents' : hub === undefined ? 'all' : 'hubs';
    const { items, errors } = await control.logs({ of, group });
    const wanted = items.filter((each) => isOf(each, 'hub', hub) && isOf(each, 'agent', agent));
    const newest = wanted.sort((a, b) => (a.time < b.time ? 1 : -1)).slice(0, limit);
    return c.json({ items: newest, ...(errors.length > 0 && { errors: [...errors] }) }, 200);
  });
}

function isOf(problem: LoggedProblem, source: LoggedProblem['source'], name: string | undefined): boolean {
  if (name === undefined) return true;
  return problem.source === source && [problem.name, problem.process, problem.agent].includes(name);
}

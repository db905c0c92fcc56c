import { expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { agentRecords } from '../support/agent-records.ts';
import { newToken } from '../support/config.ts';
import { hubProcess, redisHere, upstreamHere } from '../support/parts.ts';
import { launch } from '../support/processes.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

const CORE = ['agent', '--upstream', 'http://127.0.0.1:1'];
const TOKEN = newToken('agent').token;
const MISTYPED = `${TOKEN.slice(0, -1)}${TOKEN.endsWith('a') ? 'b' : 'a'}`;

test.each<[string, string[], Record<string, string>, string]>([
  ['nothing', [], {}, '--redis or --hub is required (or ROUTER_REDIS_URL or ROUTER_HUB)'],
  ['a hub without a token', ['--hub', 'http://h'], {}, '--hub needs the token of an agent: --token'],
  [
    'a hub and a Redis',
    ['--hub', 'http://h', '--token', TOKEN],
    { ROUTER_REDIS_URL: 'redis://x' },
    '--redis (ROUTER_REDIS_URL) and --hub (ROUTER_HUB) are both set',
  ],
  ['a mistyped token', ['--hub', 'http://h', '--token', MISTYPED], {}, '--token: expected an agent token'],
  ['a hub that is no address', ['--hub', 'redis://h'], {}, '--hub: expected a URL'],
  [
    'certificates that are not there',
    ['--hub', 'https://h', '--token', TOKEN, '--hub-ca', '/nowhere.pem'],
    {},
    '--hub-ca: /nowhere.pem cannot be read (ENOENT)',
  ],
])('an agent with %s is one line on stderr and exit code 2', async (_what, flags, env, line) => {
  const program = launch('router-core', [...CORE, ...flags], { env });
  expect((await program.ended).code).toBe(2);
  expect(program.stderr).toContain(`router-core: error: ${line}`);
  expect(program.stderr.trim().split('\n')).toHaveLength(1);
});

test('a hub says which port takes the links of agents, if that is one of their own', async () => {
  const redis = await redisHere();
  const flags = ['--redis', redis.url, '--group', uniqueGroup(), '--host', '127.0.0.1', '--port', '0'];
  const hub = launch('router-core', ['hub', ...flags, '--link-port', '0']);
  const { linkPort } = JSON.parse(await hub.waitForLine('"hub listening"')) as { linkPort: number };
  const refused = await ask(`http://127.0.0.1:${linkPort}/_router/agent`);
  expect(refused).toMatchObject({ status: 401, body: expect.stringContaining('token-ended') as string });
  await hub.kill('SIGTERM');
});

test('an agent that knows only a hub and its token answers, drains at SIGTERM, and ends with 4 when it is revoked', async () => {
  const redis = await redisHere();
  const group = uniqueGroup();
  const records = agentRecords(redis.url);
  const token = await records.set('gpu', { group, concurrency: 2 });
  const { url } = await hubProcess(redis.url, group);
  let calls = 0;
  const upstream = await upstreamHere((request, response) => {
    calls += 1;
    setTimeout(() => response.end(`from ${request.url}`), 200);
  });
  const start = () => {
    const env = { ROUTER_AGENT_TOKEN: token, ROUTER_HUB: url };
    return launch('router-core', ['agent', '--upstream', upstream.url, '--name', 'far'], { env });
  };

  const agent = start();
  await agent.waitForLine('agent ready');
  const replies = await Promise.all([1, 2, 3, 4].map((each) => ask(`${url}/${each}`)));
  expect(replies.map(({ body }) => body)).toEqual([1, 2, 3, 4].map((each) => `from /${each}`));
  expect(replies[0]?.headers['router-agent']).toMatch(/^far\./);
  const last = ask(`${url}/last`);
  await waitFor(() => calls === 5, { what: 'the request at the upstream' });
  await agent.kill('SIGTERM');
  expect(await last).toMatchObject({ status: 200, body: 'from /last' });
  expect(await agent.ended).toEqual({ code: 0, signal: null });

  const second = start();
  await second.waitForLine('agent ready');
  await records.remove('gpu');
  expect(await second.ended).toEqual({ code: 4, signal: null });
  const said = second.stdout.split('\n').filter((line) => line.includes('token of this agent has ended'));
  expect(said).toHaveLength(1);
  const third = start();
  expect(await third.ended).toEqual({ code: 4, signal: null });
});

import { ReplyError } from 'ioredis';
import { expect, test } from 'vitest';
import { createLogger, LOG_LEVELS, type Logger } from '../../router-core/runtime/logger.ts';
import { ask } from '../support/ask.ts';
import { configure, configuredHub, newToken } from '../support/config.ts';
import { agentHere, redisHere, upstreamHere } from '../support/parts.ts';
import { startRedisAgent } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

function logEverything(): { log: Logger; text: () => string } {
  let text = '';
  const destination = { write: (line: string) => void (text += line) };
  return { log: createLogger({ level: 'trace', name: 'test', destination }), text: () => text };
}

const secretOf = (token: string) => token.split('_')[3] ?? '';

test.each(['app', 'agent', 'admin'] as const)('no line of any level has the token of an %s', (kind) => {
  const { token } = newToken(kind);
  const { log, text } = logEverything();
  const child = log.child({ bound: token });
  for (const level of LOG_LEVELS.filter((each) => each !== 'silent')) {
    child[level]({ field: token, deep: { list: [`Bearer ${token}`] }, err: new Error(token) }, `to ${token}`);
    log[level](`redis://mr_agent:${token}@127.0.0.1:6379 and %s`, token);
  }
  const lines = text().trim().split('\n');
  expect(lines).toHaveLength(12);
  for (const line of lines) expect(() => JSON.parse(line) as unknown).not.toThrow();
  expect(text()).not.toContain(secretOf(token));
  expect(text()).toContain(`mr_${kind}_${token.split('_')[2]}_…`);
});

test('nor the password of a URL, nor the arguments of a command that Redis has refused', () => {
  const { log, text } = logEverything();
  log.info({ redis: 'rediss://user:p%40ss-word@host:6379/0' }, 'at redis://:hunter-two@host');
  const refused = Object.assign(new (ReplyError as unknown as ErrorConstructor)('OOM command not allowed'), {
    command: { name: 'evalsha', args: ['Authorization', 'Bearer sk-of-a-provider'] },
  });
  log.error({ err: new Error('outer', { cause: refused }) }, 'Redis refuses requests');
  log.error(refused);
  expect(text()).not.toMatch(/p%40ss-word|hunter-two|sk-of-a-provider/);
  expect(text().match(/OOM command not allowed/g)?.length).toBeGreaterThan(1);
});

test('a hub and an agent that log everything log the id of each request and no token', async () => {
  const { url } = await redisHere();
  const { token, stored } = newToken('app');
  const wrong = newToken('app').token;
  const agentToken = newToken('agent').token;
  const upstream = await upstreamHere((req, res) => res.end(req.url));
  await configure(url, {
    groups: [{ name: 'g' }],
    routes: [{ name: 'r', match: { path: '/*' }, groups: [{ group: 'g' }], auth: 'app' }],
    apps: [{ name: 'a', tokens: [stored] }],
  });
  const { log, text } = logEverything();
  const hub = await configuredHub(url, { accessLog: true }, log);
  await agentHere(url, 'g', upstream.url);
  const refused = startRedisAgent(
    {
      redisUrl: url,
      token: agentToken,
      group: 'g',
      upstreams: [upstream.url],
      concurrency: 1,
      name: 'refused',
      hubs: [],
      hubCa: undefined,
      upstreamCa: undefined,
      upstreamCert: undefined,
      upstreamKey: undefined,
      upstreamInsecure: false,
      healthPath: undefined,
      setHeaders: [],
      labels: {},
      reportHardware: false,
      preserveHost: false,
      drainMs: 0,
      connectTimeoutMs: 1_000,
      metricsPort: undefined,
      metricsHost: '127.0.0.1',
      logLevel: 'trace',
    },
    log,
  );
  const headers = { 'router-token': token };
  const { status, headers: answer } = await ask(`${hub.url}/x?token=${token}`, { headers });
  expect(status).toBe(200);
  expect((await ask(`${hub.url}/?t=${wrong}`, { headers: { 'router-token': wrong } })).status).toBe(401);
  await waitFor(() => text().includes('Redis refuses this login'), { what: 'the agent to be refused' });
  await refused.close();

  expect(text()).toContain(`"id":"${String(answer['router-request-id'])}"`);
  for (const secret of [token, wrong, agentToken].map(secretOf)) expect(text()).not.toContain(secret);
});

test('no line has a character that could command a terminal', () => {
  const { log, text } = logEverything();
  const hostile = Array.from({ length: 0xa0 }, (_each, code) => String.fromCharCode(code)).join('');
  log.warn({ detail: hostile, [hostile]: hostile }, 'said by an agent');
  // oxlint-disable-next-line no-control-regex
  expect(text().replace(/\n$/, '')).not.toMatch(/[\0-\x1f\x7f-\x9f]/);
  expect(JSON.parse(text())).toMatchObject({ detail: expect.stringContaining('ABC') as string });
});

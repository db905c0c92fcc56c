import type { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { LIST_OF } from '../../router-core/config/object-kinds.ts';
import { TOKEN_KINDS } from '../../router-core/config/token.ts';
import { apiHere, type Answer } from '../support/api.ts';
import { newToken } from '../support/config.ts';
import { expectNoProcessLeft, launch } from '../support/processes.ts';
import { redisHere, withRedis } from '../support/parts.ts';

afterEach(expectNoProcessLeft);

/** Everything that Redis holds, as one text. */
async function dumpOf(client: Redis): Promise<string> {
  const parts: unknown[] = [await client.acl('LIST')];
  for (const key of await client.keys('*')) {
    const type = await client.type(key);
    if (type === 'string') parts.push(key, await client.get(key));
    else if (type === 'hash') parts.push(key, await client.hgetall(key));
    else if (type === 'stream') parts.push(key, await client.xrange(key, '-', '+'));
    else if (type === 'zset') parts.push(key, await client.zrange(key, '0', '-1'));
    else throw new Error(`${key} is a ${type}`);
  }
  return JSON.stringify(parts);
}

/** The part of a token that must stay secret: everything after its kind and id. */
const secretOf = (token: string) => token.split('_').slice(3).join('_');

test('no token is in Redis, in an answer but the one that has made it, or in the log', async () => {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  const fields = { app: {}, agent: { group: 'default' }, admin: { role: 'admin' } };
  const secrets = [secretOf(api.token)];
  const answers: Answer[] = [];
  for (const kind of TOKEN_KINDS) {
    const list = `/v1/${LIST_OF[kind]}`;
    secrets.push(secretOf(await api.create(kind, { name: 'thing', ...fields[kind] })));
    const rotated = (await api.post(`${list}/thing/rotate`, { graceMs: 60_000 })).body as { token: string };
    secrets.push(secretOf(rotated.token));
    const mine = api.as(rotated.token);
    for (const path of [list, `${list}/thing`]) answers.push(await mine.get(path), await api.get(path));
    answers.push(
      await api.patch(`${list}/thing`, { description: rotated.token.slice(0, 20), wrong: rotated.token }),
    );
    answers.push(await api.post(`${list}/thing/revoke`, { tokenId: rotated.token }));
    answers.push(await api.get(`/v1/nothing/${rotated.token}`, { token: null }));
  }
  for (const path of ['/v1/config', '/v1/audit', '/v1/status', '/v1/instances', '/openapi.json', '/ready']) {
    answers.push(await api.get(path));
  }
  const wrong = newToken('admin').token;
  answers.push(await api.get('/v1/groups', { token: wrong }));
  secrets.push(secretOf(wrong));

  const texts = {
    redis: await withRedis(redis.url, dumpOf),
    answers: answers.map(({ text, headers }) => text + JSON.stringify([...headers])).join('\n'),
    log: JSON.stringify(api.lines),
  };
  expect(secrets.length).toBe(8);
  expect(new Set(secrets.map(({ length }) => length))).toEqual(new Set([39]));
  expect(answers.length).toBe(28);
  for (const [where, text] of Object.entries(texts)) {
    const seen = secrets.filter((secret) => text.includes(secret) || text.includes(secret.slice(0, 32)));
    expect([where, seen]).toEqual([where, []]);
  }
  // The hashes are there, and nowhere else.
  expect(texts.redis).toContain('sha256');
  expect(texts.answers).not.toMatch(/sha256|[0-9a-f]{64}/);
});

test('a process says nothing of the token that it was started with, or of the password of its Redis', async () => {
  const { token } = newToken('admin');
  const env = { ROUTER_ADMIN_TOKEN: token, ROUTER_REDIS_URL: 'redis://user:a-password@127.0.0.1:1' };
  const api = launch('router-api', ['--port', '0', '--log-level', 'trace'], { env });
  await api.waitForLine('api ready');
  await api.waitForLine('Redis is not reachable');
  await api.kill('SIGTERM');
  const printed = api.stdout + api.stderr;
  expect(printed).not.toContain(secretOf(token));
  expect(printed).not.toContain('a-password');
});

import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGuardedRedis, type GuardedRedis } from '../support/agent-logins.ts';
import { hubHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { wholeReply } from './support/by-hand.ts';
import { thiefHere } from './support/thief.ts';

// What docs/security.md says that the holder of an agent's token can do in its own group.

let redis: GuardedRedis;
beforeAll(async () => {
  redis = await startGuardedRedis();
});
afterAll(() => redis.stop());

function post(url: string, body: string, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const req = httpRequest(url, { method: 'POST', headers, agent: false }, (res) => {
      let text = '';
      res.setEncoding('latin1').on('data', (piece: string) => (text += piece));
      res.on('end', () => resolve(`${res.statusCode} ${text}`));
    });
    req.on('error', reject);
    req.end(body);
  });
}

test('it pulls requests of its group, reads them with headers and bodies, and answers them with anything', async () => {
  const group = uniqueGroup();
  const thief = await thiefHere(redis, group);
  const hub = await hubHere(redis.adminUrl, group);
  await thief.join();

  const answered = post(`${hub.url}/login`, 'password=letmein', { cookie: 'session=secret' });
  const [request] = await thief.pull();
  if (!request) throw new Error('nothing was pulled');
  expect(request.head).toMatch(/^POST\n\/login\n/);
  expect(request.head.toLowerCase()).toContain('cookie: session=secret');
  expect(request.payload.toString('latin1')).toContain('password=letmein');

  await thief.reply(request, [wholeReply(thief.instance, ['X-By: thief'], 'anything')]);
  await thief.settle(request);
  expect(await answered).toBe('200 anything');
});

import type { IncomingHttpHeaders } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Agent } from '../../router-core/agent/agent.ts';
import { ask, type Outcome } from '../support/ask.ts';
import { configure, inMs, newToken } from '../support/config.ts';
import { monitorCommands } from '../support/monitor.ts';
import { withRedis } from '../support/parts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import {
  startTestAgent,
  startTestHub,
  startUpstream,
  type TestHub,
  type TestUpstream,
} from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

// A route with `auth: app` wants a token of an app, and no upstream ever sees one.

const GROUP = 'llama';

const shop = newToken('app');
const other = newToken('app');
const paused = newToken('app');
const elsewhere = newToken('app');
const overdue = newToken('app', { expiresAt: inMs(-1_000) });
const ofOverdueApp = newToken('app');
const ofAgent = newToken('agent');

let redis: TestRedis;
let hub: TestHub;
let upstream: TestUpstream;
let agent: Agent;
let received: IncomingHttpHeaders = {};

beforeAll(async () => {
  redis = await startRedis();
  await configure(redis.url, {
    groups: [{ name: GROUP }, { name: 'other' }],
    routes: [
      { name: 'guarded', groups: [{ group: GROUP }], auth: 'app' },
      { name: 'open', match: { path: '/open' }, groups: [{ group: GROUP }] },
    ],
    apps: [
      { name: 'shop', groups: [GROUP], tokens: [shop.stored, overdue.stored] },
      { name: 'other', tokens: [other.stored] },
      { name: 'paused', paused: true, tokens: [paused.stored] },
      { name: 'elsewhere', groups: ['other'], tokens: [elsewhere.stored] },
      { name: 'overdue', expiresAt: inMs(-1_000), tokens: [ofOverdueApp.stored] },
    ],
    agents: [{ name: 'gpu', group: GROUP, tokens: [ofAgent.stored] }],
  });
  upstream = await startUpstream((req, res) => {
    received = req.headers;
    res.end('served');
  });
  hub = await startTestHub(redis.url, '', { groups: [], drainMs: 300 });
  agent = await startTestAgent(redis.url, GROUP, upstream.url, { drainMs: 300 });
});
afterAll(async () => {
  await Promise.all([hub.close(), agent.close()]);
  await upstream.close();
  await redis.stop();
});

const get = (headers: Record<string, string> = {}, path = '/'): Promise<Outcome> =>
  ask(`${hub.url}${path}`, { headers });

/** The same token with one character of this part changed: 3 is the secret, 4 the checksum. */
function mangled(token: string, part: 3 | 4): string {
  const parts = token.split('_');
  parts[part] = (parts[part] ?? '').replace(/^./, (first) => (first === 'a' ? 'b' : 'a'));
  return parts.join('_');
}

/** A token that nobody has given out: right in form and checksum, with an id that is known. */
function forged(): string {
  for (;;) {
    const { token } = newToken('app');
    const parts = token.split('_');
    const withId = [...parts.slice(0, 2), shop.stored.id, ...parts.slice(3)].join('_');
    if (withId !== shop.token) return withId;
  }
}

test.each<[string, () => Record<string, string>]>([
  ['no token', () => ({})],
  ['an empty token', () => ({ 'router-token': '' })],
  ['a token that nobody has', () => ({ 'router-token': newToken('app').token })],
  ['another secret', () => ({ 'router-token': mangled(shop.token, 3) })],
  ['another checksum', () => ({ 'router-token': mangled(shop.token, 4) })],
  ["a secret of its own under an app's id", () => ({ 'router-token': forged() })],
  ['an expired token', () => ({ 'router-token': overdue.token })],
  ['a token of an expired app', () => ({ 'router-token': ofOverdueApp.token })],
  ["an agent's token", () => ({ 'router-token': ofAgent.token })],
  ["a provider's own key", () => ({ authorization: 'Bearer sk-123' })],
  ['a token sent as basic', () => ({ authorization: `Basic ${shop.token}` })],
  [
    'a wrong Router-Token beside a right bearer',
    () => ({ 'router-token': mangled(shop.token, 3), authorization: `Bearer ${shop.token}` }),
  ],
])('%s gets 401', async (_what, headers) => {
  const answer = await get(headers());
  expect(answer).toMatchObject({
    status: 401,
    headers: { 'router-error': 'unauthorized', 'www-authenticate': 'Bearer', 'router-executed': 'no' },
  });
  // The same whatever is wrong: it tells nobody which tokens there are.
  expect((JSON.parse(answer.body) as { detail: string }).detail).toMatch(/^Send the token of an app as /);
});

test.each([
  ['a paused app', paused],
  ['a group that is not among those of the app', elsewhere],
])('%s gets 403', async (_what, { token }) => {
  const answer = await get({ 'router-token': token });
  expect(answer).toMatchObject({ status: 403, headers: { 'router-error': 'forbidden' } });
  expect((JSON.parse(answer.body) as { detail: string }).detail).toMatch(
    /^The app is paused, or may not use the group behind this path: the operator/,
  );
});

test.each<[string, () => Record<string, string>]>([
  ['Router-Token', () => ({ 'router-token': shop.token })],
  ['Authorization: Bearer', () => ({ authorization: `Bearer ${shop.token}` })],
  ['bearer, in any case', () => ({ authorization: `bearer  ${other.token}` })],
])('%s lets a request through, and does not reach the upstream', async (_what, headers) => {
  expect(await get(headers())).toMatchObject({ status: 200, body: 'served' });
  expect(JSON.stringify(received)).not.toContain('mr_app_');
  expect(received).not.toHaveProperty('authorization');
});

test.each(['Bearer sk-123', 'Basic dXNlcjpwdw==', 'Bearer mr_other'])(
  'another Authorization passes untouched beside Router-Token: %s',
  async (authorization) => {
    expect((await get({ 'router-token': shop.token, authorization })).status).toBe(200);
    expect(received.authorization).toBe(authorization);
  },
);

test('an open route asks for no token, and still passes none on', async () => {
  expect((await get({}, '/open')).status).toBe(200);
  expect((await get({ 'router-token': shop.token }, '/open')).status).toBe(200);
  expect(JSON.stringify(received)).not.toContain('mr_app_');
});

test('checking a token asks Redis for nothing', async () => {
  const commands = await monitorCommands(redis.port);
  for (let i = 0; i < 50; i++) await get({ 'router-token': mangled(shop.token, 3) });
  for (let i = 0; i < 50; i++) expect((await get({ 'router-token': shop.token })).status).toBe(200);
  await withRedis(redis.url, (client) => client.ping('all was seen'));
  await waitFor(() => commands.some((line) => line.includes('all was seen')), { what: 'the last command' });

  // The hub reports every two seconds, naming tokens, and looks for another version: neither is for a request.
  const others = commands.filter((line) => !/\{\/config\}:(hubs|used|version)/.test(line));
  expect(others.length).toBeGreaterThan(50);
  expect(others.filter((line) => /mr_app|shop|\{\/config\}|\{app:/.test(line))).toEqual([]);
});

test('after a rotation both tokens work until the old one expires', async () => {
  const next = newToken('app');
  // The hub takes the change within a second; the old token ends two seconds after that at most.
  const endsAt = Date.now() + 2_000;
  const old = { ...shop.stored, expiresAt: new Date(endsAt).toISOString() };
  await configure(redis.url, { apps: [{ name: 'shop', tokens: [next.stored, old] }] });
  await expect
    .poll(async () => (await get({ 'router-token': next.token })).status, { timeout: 1_000 })
    .toBe(200);
  expect((await get({ 'router-token': shop.token })).status).toBe(200);
  expect(Date.now()).toBeLessThan(endsAt);

  await expect
    .poll(async () => (await get({ 'router-token': shop.token })).status, { timeout: 3_000 })
    .toBe(401);

  expect(Date.now()).toBeGreaterThanOrEqual(endsAt);
  expect((await get({ 'router-token': next.token })).status).toBe(200);
});

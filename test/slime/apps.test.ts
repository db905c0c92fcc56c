import { expect, test } from 'vitest';
import { configure, newToken } from '../support/config.ts';
import { waitFor } from '../support/wait.ts';
import { slimeHere, type SlimeHere } from './support/slime-here.ts';

/** Sends it, and answers it by a worker of the record. Resolves with what the upstream got. */
async function askAgent({ hub, worker }: SlimeHere, headers: Record<string, string>): Promise<string> {
  const agent = await worker();
  const accepted = agent.accept();
  const reply = fetch(hub.url, { headers: { 'slime-block': '1', ...headers } });
  const { connectionId, head } = await accepted;
  await agent.answer(connectionId, '');
  expect((await reply).status).toBe(200);
  return head;
}

const busyStatus = async (here: SlimeHere, headers: Record<string, string>) => {
  const startedAt = performance.now();
  const response = await fetch(here.hub.url, { headers });
  return { status: response.status, ms: performance.now() - startedAt, text: await response.text() };
};

test('without slime-block a request of slime does not wait for a slot, with it it does', async () => {
  const here = await slimeHere({ queueWaitMs: 1_500 });
  const now = await busyStatus(here, { 'slime-block': '' });
  expect(now).toMatchObject({ status: 503 });
  expect(now.ms).toBeLessThan(1_000);
  const later = await busyStatus(here, { 'slime-block': '1' });
  expect(later).toMatchObject({ status: 503 });
  expect(later.ms).toBeGreaterThan(1_400);
});

test('with a group of slime, its requests do not wait, and those of others do', async () => {
  const here = await slimeHere({ queueWaitMs: 1_500 });
  const others = await busyStatus(here, {});
  expect(others.ms).toBeGreaterThan(1_400);
  const mine = await slimeHere({
    queueWaitMs: 1_500,
    slimeGroup: here.group,
    groups: [{ name: here.group, path: '/*' }],
  });
  expect((await busyStatus(mine, {})).ms).toBeLessThan(1_000);
  // A client that speaks ours says for how long it waits.
  expect((await busyStatus(mine, { prefer: 'wait=1' })).ms).toBeGreaterThan(900);
});

test('no field of slime reaches the upstream', async () => {
  const here = await slimeHere({ slimeAppPassword: 'open sesame' });
  const head = await askAgent(here, {
    'slime-app-password': 'open sesame',
    'slime-agent-token': 'x',
    'x-own': 'y',
  });
  expect(head).toMatch(/^x-own: y\r$/im);
  expect(head).not.toMatch(/slime-|sesame/i);
});

test('slime-scope chooses agents whose token has the scope', async () => {
  const here = await slimeHere();
  const { records, group, worker, hub } = here;
  const plain = await worker();
  void plain.ask();
  const token = await records.set('big', { group, scopes: ['a100'] });
  const big = await worker({ token });
  const accepted = big.accept();
  const ask = () => fetch(hub.url, { headers: { 'slime-scope': 'a100', 'slime-block': '1' } });
  // A scope is known a second after its first agent.
  let reply = await Promise.race([ask(), accepted.then(() => undefined)]);
  while (reply?.status === 503) reply = await Promise.race([ask(), accepted.then(() => undefined)]);
  const { head } = await accepted;
  expect(head).not.toMatch(/slime-/i);
});

test('slime-app-password is the token of an app, or the one password; anything else is 401', async () => {
  const here = await slimeHere({ slimeAppPassword: 'open sesame', groups: [] });
  const { redisUrl, group, hub } = here;
  const { token, stored } = newToken('app');
  await configure(redisUrl, {
    groups: [{ name: group }],
    apps: [{ name: 'shop', tokens: [stored] }],
    routes: [{ name: 'all', match: { path: '/*' }, groups: [{ group }], auth: 'app' }],
  });
  const status = async (headers: Record<string, string>) => (await fetch(hub.url, { headers })).status;
  await waitFor(async () => (await status({})) === 401, { what: 'the route' });
  expect(await status({ 'slime-app-password': 'open sesam' })).toBe(401);
  expect(await status({ 'slime-app-password': `${token.slice(0, -1)}x` })).toBe(401);
  expect(await askAgent(here, { 'slime-app-password': 'open sesame' })).not.toContain('sesame');
  expect(await askAgent(here, { 'slime-app-password': token })).not.toContain(token);
});

test('without --slime its fields are fields like any other', async () => {
  const here = await slimeHere({ slime: false, queueWaitMs: 1_500 });
  expect((await busyStatus(here, { 'slime-scope': 'x' })).ms).toBeGreaterThan(1_400);
  const response = await fetch(`${here.hub.url}/v1/agent/accept`, {
    method: 'POST',
    headers: { 'slime-agent-token': here.token, 'slime-agent-id': '1' },
  });
  expect(response.headers.get('router-error')).toBe('no-agent');
});

import { expect, test } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { slimeHere, type SlimeHere } from './support/slime-here.ts';
import { sealed, slimeToken } from './support/slime-tokens.ts';

const SECRET = 'a secret that is longer than the 32 bytes of a key';

/** A hub that takes slime's own tokens for its group. */
async function withSecret(
  secret = SECRET,
): Promise<SlimeHere & { ask: (path: string) => Promise<Response> }> {
  const here = await slimeHere({
    slimeSecret: secret,
    slimeGroup: 'old',
    groups: [{ name: 'old', path: '/*' }],
  });
  const headers = { 'slime-block': '1' };
  return { ...here, ask: (path) => fetch(here.hub.url + path, { headers }) };
}

/** The status of a join, which a hub that refuses it sends late. */
async function joined(here: SlimeHere, token: string): Promise<{ status: number; ms: number }> {
  const startedAt = performance.now();
  const reply = await (await here.worker({ token, joins: false })).join();
  return { status: reply.status, ms: performance.now() - startedAt };
}

test.each(['short', SECRET])("slime's own token counts with the secret %s", async (secret) => {
  const here = await withSecret(secret);
  const token = slimeToken(secret, { id: 12_345_678_901, name: 'Küche 1', expireAt: inAnHour() });
  const agent = await here.worker({ token });
  const accepted = agent.accept();
  const reply = here.ask('/x');
  await agent.answer((await accepted).connectionId, 'here');
  const response = await reply;
  expect(response.headers.get('router-agent')).toMatch(/^K-che-1-42\./);
  expect(await response.text()).toBe('here');
});

test('a token that is not valid is refused, and slowly: an agent asks again at once', async () => {
  const here = await withSecret();
  const good = slimeToken(SECRET);
  const tokens = [
    slimeToken('another secret'),
    slimeToken(SECRET, { expireAt: Math.floor(Date.now() / 1_000) - 1 }),
    `${good.slice(0, -2)}AA`,
    good.toLowerCase(),
    good.slice(0, 20),
    // Sealed by slime's hub, but no message: a text beyond its end, a varint without one, a type that it does not have.
    sealed(SECRET, Buffer.from([0x12, 0xff, 0xff, 0xff, 0x7f, 0x41])),
    sealed(SECRET, Buffer.alloc(12, 0xff)),
    sealed(SECRET, Buffer.from([0x0d, 1, 2, 3, 4])),
    'mr_agent_x',
    '-',
  ];
  const found = await Promise.all(tokens.map((token) => joined(here, token)));
  for (const { status, ms } of found) {
    expect(status).toBe(401);
    expect(ms).toBeGreaterThan(4_500);
  }
  expect(await joined(here, good)).toMatchObject({ status: 200 });
}, 20_000);

test('a token that expires ends what waits with it', async () => {
  const here = await withSecret();
  const agent = await here.worker({
    token: slimeToken(SECRET, { expireAt: Math.floor(Date.now() / 1_000) + 2 }),
  });
  const waiting = await agent.ask();
  expect((await waiting.reply()).status).toBe(204);
  expect(await waiting.ended).toBe('end');
  expect((await (await agent.ask()).reply()).status).toBe(401);
}, 20_000);

test('a token of ours that is revoked ends what waits with it, and what runs', async () => {
  const { hub, worker, records } = await slimeHere();
  const agent = await worker();
  const accepted = agent.accept();
  const reply = fetch(hub.url, { method: 'POST', body: 'x' });
  const { connectionId } = await accepted;
  const waiting = await (await worker()).ask();
  await records.remove('gpu');
  expect((await waiting.reply()).status).toBe(204);
  expect((await reply).headers.get('router-error')).toBe('agent-lost');
  expect((await agent.answer(connectionId, 'late')).status).toBe(401);
}, 20_000);

test('an agent with scope_paths takes only these paths, and the others go elsewhere', async () => {
  const here = await withSecret();
  const narrow = await here.worker({ token: slimeToken(SECRET, { scopePaths: ['/a', '/b'] }) });
  const wide = await here.worker({ token: slimeToken(SECRET, { id: 2, name: 'wide' }) });
  const serve = async (agent: typeof wide, name: string) => {
    for (;;) {
      const { connectionId, head } = await agent.accept();
      await agent.answer(connectionId, `${name} ${head.split(' ')[1]}`);
    }
  };
  void serve(narrow, 'narrow').catch(() => undefined);
  const stops = ['/a?x', '/b'].map(async (path) => (await here.ask(path)).text());
  expect(await Promise.all(stops)).toEqual(['narrow /a?x', 'narrow /b']);
  const elsewhere = ['/c', '/a/b', '/A'].map(async (path) => (await here.ask(path)).text());
  void serve(wide, 'wide').catch(() => undefined);
  expect(await Promise.all(elsewhere)).toEqual(['wide /c', 'wide /a/b', 'wide /A']);
}, 20_000);

test("slime's scopes are scopes here", async () => {
  const here = await withSecret();
  const agent = await here.worker({ token: slimeToken(SECRET, { scopes: ['a100', 'not a scope'] }) });
  const accepted = agent.accept();
  const ask = () => fetch(here.hub.url, { headers: { 'slime-block': '1', 'slime-scope': 'a100' } });
  // A scope is known a second after its first agent.
  await waitFor(async () => (await Promise.race([ask(), accepted.then(() => undefined)])) === undefined, {
    what: 'the scope to be known',
  });
  expect((await accepted).head).toMatch(/^GET \/ /);
});

function inAnHour(): number {
  return Math.floor(Date.now() / 1_000) + 3_600;
}

import { expect, test } from 'vitest';
import { CONFIG_KEYS, groupKeys } from '../../router-core/redis/scripts/keys.ts';
import { loadScript, runScript } from '../../router-core/redis/connection/run-script.ts';
import { apiHere, type ApiClient } from '../support/api.ts';
import { agentProcess, hubProcess, redisHere, withRedis } from '../support/parts.ts';
import { freePort } from '../support/ports.ts';
import { waitFor } from '../support/wait.ts';

interface Item {
  readonly time: string;
  readonly source: string;
  readonly name: string;
  readonly group: string | null;
  readonly message: string;
  readonly about: Record<string, string>;
}

async function logsOf(api: ApiClient, query = ''): Promise<Item[]> {
  return ((await api.get(`/v1/logs${query}`)).body as { items: Item[] }).items;
}

test('what hubs and agents warn of is listed, without secrets, also when they have gone', async () => {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  await api.create('group', { name: 'gpu' });
  // It takes all requests of the flag below.
  await api.create('route', { name: 'all', priority: 5, match: { path: '/*' }, groups: [{ group: 'gpu' }] });
  const port = await freePort();
  const upstream = `http://127.0.0.1:${port}`;
  const flags = ['--set-header', 'Authorization: Bearer mr_app_secret', '--health', '/health'];
  const agent = await agentProcess(redis.url, 'gpu', upstream, { name: 'box', flags });
  const hub = await hubProcess(redis.url, 'hidden=/h/*');

  const found = (query: string, message: RegExp) =>
    waitFor(async () => (await logsOf(api, query)).find((item) => message.test(item.message)), {
      timeoutMs: 15_000,
      what: String(message),
    });
  expect(await found('?agent=box', /^upstream is down/)).toMatchObject({
    level: 'warn',
    source: 'agent',
    name: 'box',
    group: 'gpu',
    about: { upstream, reason: expect.stringContaining('ECONNREFUSED') as string },
  });
  expect(await found('', /flag/)).toMatchObject({ source: 'hub', group: null, about: { route: 'all' } });

  const all = await logsOf(api);
  expect(all.map(({ time }) => time)).toEqual(
    all
      .map(({ time }) => time)
      .sort()
      .toReversed(),
  );
  expect((await logsOf(api, '?group=gpu')).every(({ group }) => group === 'gpu')).toBe(true);
  expect(await logsOf(api, '?group=other')).toEqual([]);
  expect(await logsOf(api, '?limit=1')).toEqual(all.slice(0, 1));
  const [ofHub] = await logsOf(api, `?hub=${all.find(({ source }) => source === 'hub')?.name}`);
  expect(ofHub?.source).toBe('hub');
  expect(JSON.stringify(all)).not.toMatch(/secret|"stack"/);

  await Promise.all([agent.kill('SIGKILL'), hub.kill('SIGKILL')]);
  expect(await logsOf(api)).toEqual(all);
  const keys = [CONFIG_KEYS.log, groupKeys('gpu').log];
  const ttls = await withRedis(redis.url, (client) => Promise.all(keys.map((key) => client.pttl(key))));
  for (const ttl of ttls) expect(ttl).toBeGreaterThan(3_500_000);
});

test('a group keeps the rows of a hundred processes, and none that is older than an hour', async () => {
  const redis = await redisHere();
  const { log } = groupKeys('many');
  const script = loadScript('keep-log');
  await withRedis(redis.url, async (client) => {
    const hourAgo = Date.now() - 3_601_000;
    await client.hset(log, { [`old.1 ${hourAgo}`]: '{}', [`p7 ${Date.now() - 5}`]: '{}', foreign: '{}' });
    for (let i = 0; i < 120; i += 1) await runScript(client, script, [log], [`p${i}`, '{}']);
    await runScript(client, script, [log], ['p119', '{}']);
    const processes = (await client.hkeys(log)).map((name) => name.split(' ')[0]);
    // When two were written in the same millisecond, either may go.
    expect(processes).toHaveLength(100);
    expect(new Set(processes).size).toBe(100);
    expect(processes).toContain('p119');
    expect(processes).not.toContain('old.1');
    expect(processes).not.toContain('foreign');
  });
});

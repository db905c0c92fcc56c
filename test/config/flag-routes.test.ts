import { expect, test } from 'vitest';
import { createAdmin } from '../../router-core/redis/control/create-admin.ts';
import { apiHere } from '../support/api.ts';
import { runCli } from '../support/cli.ts';
import { configure, configuredHub, recordLog } from '../support/config.ts';
import { agentHere, redisHere, upstreamHere } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';

// Routes of --group flags beside stored ones: the README starts a hub with flags, and then makes an admin.

const GROUPS = [
  { name: 'gpu', path: '/v1/*' },
  { name: 'own', path: '/*' },
];

/** A hub with these flags, an agent for each of their groups, and a way to see who answers. */
async function start(groups = GROUPS) {
  const redis = await redisHere();
  for (const group of new Set([...groups.map(({ name }) => name), 'stored'])) {
    const upstream = await upstreamHere((_req, res) => res.end(group));
    await agentHere(redis.url, group, upstream.url);
  }
  const { log, lines } = recordLog();
  const hub = await configuredHub(redis.url, { groups, queueWaitMs: 300 }, log);
  const answerOf = async (path: string) => (await fetch(hub.url + path)).text();
  const isTaken = (version: number) =>
    lines.some((line) => line.msg === 'configuration taken' && Number(line['version']) >= version);
  const taken = (version = 1) => waitFor(() => isTaken(version), { what: 'the change to be taken' });
  return { redis, hub, lines, answerOf, taken };
}

test("the README's steps: what the flags serve, they go on serving after the first write", async () => {
  const { redis, lines, answerOf, taken } = await start();
  expect([await answerOf('/v1/models'), await answerOf('/x')]).toEqual(['gpu', 'own']);
  await createAdmin({ redisUrl: redis.url, name: 'root' }, recordLog().log);
  await taken();
  expect([await answerOf('/v1/models'), await answerOf('/x')]).toEqual(['gpu', 'own']);
  expect(lines.filter(({ level }) => level >= 40)).toEqual([]);
});

test('the more specific of a stored route and a flag gets the request; of equals the stored one, and the log says so', async () => {
  const { redis, lines, answerOf, taken } = await start();
  const groups = [{ group: 'stored' }];
  const routes = [
    { name: 'deep', match: { path: '/v1/deep/*' }, groups },
    { name: 'zz', match: { path: '/*' }, groups },
  ];
  const version = await configure(redis.url, { groups: [{ name: 'stored' }], routes });
  await taken(version);
  expect([await answerOf('/v1/deep/a'), await answerOf('/v1/a'), await answerOf('/x')]).toEqual([
    'stored',
    'gpu',
    'stored',
  ]);
  const said = () => lines.filter(({ msg }) => msg.includes('flag gets'));
  expect(said()).toMatchObject([{ level: 40, flag: '--group own=/*', route: 'zz' }]);

  await taken(await configure(redis.url, { groups: [{ name: 'another' }] }));
  expect(said()).toHaveLength(1);
  await taken(await configure(redis.url, { removed: [{ kind: 'route', name: 'zz' }] }));
  expect(said().at(-1)).toMatchObject({ level: 30, flag: '--group own=/*' });
  expect(await answerOf('/x')).toBe('own');
});

test('a stored route of a higher priority hides every flag below its path', async () => {
  const { redis, lines, answerOf, taken } = await start();
  const route = { name: 'all', priority: 1, match: { path: '/*' }, groups: [{ group: 'stored' }] };
  await taken(await configure(redis.url, { groups: [{ name: 'stored' }], routes: [route] }));
  expect([await answerOf('/v1/a'), await answerOf('/x')]).toEqual(['stored', 'stored']);
  const flags = lines.filter(({ msg }) => msg.includes('flag gets')).map((line) => line['flag']);
  expect(flags).toEqual(['--group gpu=/v1/*', '--group own=/*']);
});

test('router-api knows the flags of the hubs, and which hubs have them', async () => {
  const { redis } = await start();
  const api = await apiHere(redis.url);
  await api.create('group', { name: 'g' });
  const listed = async () => ((await api.get('/v1/flag-routes')).body as { items: object[] }).items;
  const reported = () => waitFor(async () => (await listed()).length === 2, { what: 'the hub to report' });
  await reported();
  expect(await listed()).toMatchObject([
    {
      name: '--group gpu=/v1/*',
      groups: [{ group: 'gpu' }],
      source: expect.stringMatching(/^flags of hub \S+$/) as string,
    },
    { name: '--group own=/*', match: { path: '/*' } },
  ]);
  const tested = await api.post('/v1/routes/test', { target: '/v1/models' });
  expect(tested.body).toMatchObject({
    matched: '--group gpu=/v1/*',
    source: expect.stringContaining('flags of hub') as string,
    target: '/v1/models',
    groups: [{ group: 'gpu', share: 1 }],
    needsApp: false,
    rejected: [
      { route: '--group own=/*', why: 'less specific than --group gpu=/v1/*' },
      { route: 'default', why: 'lower priority than --group gpu=/v1/*' },
    ],
  });
  const env = { ROUTER_API_URL: api.url, ROUTER_API_TOKEN: api.token };
  const [list, told] = await Promise.all([
    runCli(['route', 'list'], { env }),
    runCli(['route', 'test', '/v1/models'], { env }),
  ]);
  expect(list.stderr).toBe('');
  expect(list.stdout).toMatch(/^--group gpu=\/v1\/\* .* flags of hub \S+$/m);
  expect(told.stdout).toMatch(/takes the route --group gpu=\/v1\/\* \(flags of hub \S+\)\n/);
  const other = await configuredHub(redis.url, {});
  const bySome = async () => JSON.stringify(await listed()).includes('(1 of 2 hubs)');
  await waitFor(bySome, { what: `the other hub ${other.url} to report` });
});

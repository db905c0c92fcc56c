import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { LIST_OF, type ObjectKind } from '../../router-core/config/object-kinds.ts';
import { useCliBench } from '../support/cli.ts';

// Every command is a process of its own: many in a test are slow on a busy machine.
vi.setConfig({ testTimeout: 90_000 });

const cli = useCliBench();

interface Case {
  kind: ObjectKind;
  add: string[];
  /** The new object, as far as flags have set it. */
  added: object;
  set: string[];
  changed: object;
  /** A mistake in a flag, and what is said of it. */
  mistake: [flags: string[], line: string];
}

const CASES: Case[] = [
  {
    kind: 'group',
    add: [
      '--concurrency',
      '16',
      '--queue-depth',
      '5',
      '--queue-wait',
      '3s',
      '--retry-unsafe',
      '--max-body',
      '1MiB',
    ],
    added: {
      concurrency: 16,
      queue: { depth: 5, waitMs: 3_000 },
      retry: { attempts: 2, unsafe: true },
      maxBodyBytes: 1_048_576,
    },
    set: ['--idle-timeout', '2m', '--queue-depth', '7', '--reset', 'queue-wait,max-body'],
    changed: {
      queue: { depth: 7, waitMs: 30_000 },
      timeouts: { idleMs: 120_000 },
      maxBodyBytes: 104_857_600,
    },
    mistake: [['--queue-wait', '3'], '--queue-wait: "3" is not a duration'],
  },
  {
    kind: 'route',
    add: [
      '--to',
      'default=9,spare',
      '--path',
      '/x/*',
      '--method',
      'GET,POST',
      '--header',
      'X-A~^v',
      '--strip-prefix',
    ],
    added: {
      groups: [
        { group: 'default', weight: 9 },
        { group: 'spare', weight: 1 },
      ],
      match: { path: '/x/*', methods: ['GET', 'POST'], headers: [{ name: 'X-A', pattern: '^v' }] },
      stripPrefix: true,
    },
    set: ['--set-header', 'X-B: 1', '--set-header', 'X-C: 2', '--priority', '-3', '--reset', 'method'],
    changed: { setHeaders: { 'X-B': '1', 'X-C': '2' }, priority: -3, match: { path: '/x/*', methods: [] } },
    mistake: [['--to', 'nowhere', '--path', '/n'], 'the group "nowhere", which does not exist'],
  },
  {
    kind: 'app',
    add: ['--group', 'default', '--rate', '10/s', '--burst', '5', '--expires', '1y'],
    added: { groups: ['default'], rate: { requests: 10, perMs: 1_000, burst: 5 } },
    set: ['--reset', 'rate,expires', '--concurrency', '3'],
    changed: { rate: null, expiresAt: null, concurrency: 3 },
    mistake: [['--rate', '10'], '--rate: "10" is not requests per time'],
  },
  {
    kind: 'agent',
    add: ['--group', 'default', '--concurrency', '2', '--scope', 'a,b', '--expires', '90d'],
    added: { group: 'default', concurrency: 2, scopes: ['a', 'b'] },
    set: ['--expires', 'never', '--scope', 'c'],
    changed: { expiresAt: null, scopes: ['c'] },
    mistake: [['--group', 'default', '--expires', 'soon'], '--expires: "soon" is not how long from now'],
  },
  {
    kind: 'admin',
    add: ['--role', 'operator'],
    added: { role: 'operator' },
    set: ['--role', 'viewer', '--description', 'on call'],
    changed: { role: 'viewer', description: 'on call' },
    mistake: [['--role', 'king'], '--role: "king" is not one of viewer, operator, admin'],
  },
];

describe.each(CASES)('router-cli $kind', ({ kind, add, added, set, changed, mistake }) => {
  const name = `my-${kind}`;

  test('add, list, show, set and remove do what they say', async () => {
    if (kind === 'route') await cli.api.create('group', { name: 'spare' });
    expect(await cli.json(kind, 'add', name, ...add)).toMatchObject({ name, ...added });
    const list = await cli.text(kind, 'list');
    expect(list.split('\n')[0]).toMatch(/^NAME /);
    expect(list).toMatch(new RegExp(`^${name} `, 'm'));
    expect(await cli.json(kind, 'set', name, ...set)).toMatchObject(changed);
    expect(await cli.text(kind, 'show', name)).toMatch(new RegExp(`^name +${name}$`, 'm'));
    const stored = (await cli.api.get(`/v1/${LIST_OF[kind]}/${name}`)).body;
    expect(stored).toMatchObject({ name, ...changed });
    expect(await cli.json(kind, 'remove', name, '--yes')).toEqual({ removed: { kind, name } });
    expect((await cli.api.get(`/v1/${LIST_OF[kind]}/${name}`)).status).toBe(404);
  });

  test('mistakes are named, with what to do', async () => {
    const [wrong, missing, nothing, unconfirmed] = await Promise.all([
      cli.run([kind, 'add', `${name}-2`, ...mistake[0]]),
      cli.run([kind, 'show', 'nobody']),
      cli.run([kind, 'set', 'nobody']),
      cli.run([kind, 'remove', 'nobody']),
    ]);
    expect(wrong.stderr).toContain(mistake[1]);
    expect(wrong.code).toBe(kind === 'route' ? 5 : 2);
    const noSuch = `router-cli: error: There is no ${kind} named "nobody"\n  See what there is: router-cli ${kind} list\n`;
    expect(missing).toEqual({ code: 3, stdout: '', stderr: noSuch });
    expect(nothing.code).toBe(2);
    expect(nothing.stderr).toContain(`nothing to set: see router-cli ${kind} set --help`);
    expect(unconfirmed.code).toBe(2);
    expect(unconfirmed.stderr).toContain('there is no terminal: confirm with --yes');
  });
});

test('lists and objects are JSON as the API has them', async () => {
  const { body } = await cli.api.get('/v1/groups/default');
  expect(await cli.json('group', 'show', 'default')).toEqual(body);
  expect(await cli.json('group', 'list')).toContainEqual(body);
  expect((await cli.run(['group', 'rm', 'nobody', '-y'])).code).toBe(3);
});

test('an object that is there already is not added again', async () => {
  const again = await cli.run(['group', 'add', 'default']);
  expect(again.code).toBe(5);
  expect(again.stderr).toContain(
    'There is a group named "default" already\n  Change it instead: router-cli group set',
  );
});

test('fields come from a file, too, and flags win', async () => {
  const file = join(cli.folder, 'route.yaml');
  await writeFile(file, 'match:\n  path: /from-file\n  host: example.com\ngroups: [{ group: default }]\n');
  const route = await cli.json('route', 'add', 'filed', '-f', file, '--path', '/flag');
  expect(route).toMatchObject({
    match: { path: '/flag', host: 'example.com' },
    groups: [{ group: 'default' }],
  });
  const input = '{"rate": {"requests": 1}}';
  const app = await cli.run(['app', 'add', 'piped', '-f', '-', '--burst', '2', '--json'], { input });
  expect(JSON.parse(app.stdout)).toMatchObject({ rate: { requests: 1, burst: 2 } });

  await writeFile(file, 'match: [\n  secret');
  const broken = await cli.run(['route', 'add', 'broken', '-f', file]);
  expect(broken.code).toBe(2);
  expect(broken.stderr).toMatch(/route\.yaml:2:\d+: /);
  expect(broken.stderr).not.toContain('secret');
  const missing = await cli.run(['route', 'add', 'broken', '-f', 'nowhere.yaml']);
  expect(missing.code).toBe(2);
  expect(missing.stderr).toContain('cannot read nowhere.yaml');
});

test('route test tells where a request would go', async () => {
  await cli.api.create('group', { name: 'llama' });
  await cli.api.create('route', {
    name: 'llama',
    match: { host: 'a.example', path: '/v1/*' },
    groups: [{ group: 'llama' }],
  });
  const text = await cli.text('route', 'test', 'http://a.example/v1/models?x=1');
  expect(text).toContain(
    'GET a.example/v1/models?x=1 takes the route llama\n  to llama\n  as /v1/models?x=1\n',
  );
  expect(text).toMatch(/^default +lower priority than llama$/m);
  const flags = ['--host', 'a.example', '-X', 'POST', '-H', 'X-A: b'];
  expect(await cli.json('route', 'test', '/v1/x', ...flags)).toMatchObject({ matched: 'llama' });

  const bad = await cli.run(['route', 'test', 'no path']);
  expect(bad.code).toBe(2);
  expect(bad.stderr).toContain('target: expected a path');
  await cli.text('route', 'remove', 'default', '--yes');
  const none = await cli.run(['route', 'test', '/elsewhere']);
  expect(none.code).toBe(3);
  expect(none.stdout).toContain('GET /elsewhere matches no route');
});

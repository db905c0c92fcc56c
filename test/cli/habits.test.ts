import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { launch } from '../support/processes.ts';
import { useCliBench } from '../support/cli.ts';
import { waitFor } from '../support/wait.ts';

// Commands as users of kubectl and gh type them. Every command is a process of its own.
vi.setConfig({ testTimeout: 120_000 });

const cli = useCliBench();

test('verbs first, plurals, formats and contexts anywhere', async () => {
  await cli.api.create('group', { name: 'llama', description: 'd'.repeat(200) });
  await cli.api.create('agent', { name: 'here', group: 'llama' });
  await cli.api.create('agent', { name: 'there', group: 'default' });
  expect(parse(await cli.text('get', 'group', 'llama', '-o', 'yaml'))).toMatchObject({ name: 'llama' });
  expect(JSON.parse(await cli.text('-o', 'json', 'agents', '--group', 'llama'))).toMatchObject([
    { name: 'here' },
  ]);
  expect(await cli.text('groups', '-o', 'wide')).toContain('d'.repeat(200));
  expect(await cli.text('help', 'group', 'add')).toContain('--queue-depth');
  const [format, unknown, context] = await Promise.all([
    cli.run(['groups', '-o', 'xml']),
    cli.run(['statsu']),
    cli.run(['--context', 'nowhere', 'groups'], { env: { ROUTER_API_URL: '', ROUTER_API_TOKEN: '' } }),
  ]);
  expect(format).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('none of json, yaml, wide') as string,
  });
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toMatch(/unknown command 'statsu'.*status.*`router-cli --help` shows all\n$/);
  expect(context.code).not.toBe(0);
  expect(context.stderr).toContain('nowhere');
});

test('a dry run tells what would come of it, and nothing has', async () => {
  await cli.api.create('group', { name: 'dry' });
  expect(await cli.text('group', 'add', 'wet', '--dry-run')).toMatch(/^Would add the group wet:\n/);
  expect(await cli.text('group', 'set', 'dry', '--concurrency', '7', '--dry-run')).toMatch(/concurrency +7/);
  expect(await cli.text('group', 'remove', 'dry', '--dry-run')).toBe('Would remove the group dry.\n');
  const agent = await cli.json<object>('agent', 'add', 'a', '--group', 'dry', '--dry-run');
  expect(agent).not.toHaveProperty('token');
  const refused = await cli.run(['group', 'remove', 'default', '--dry-run']);
  expect(refused.code).toBe(5);
  expect(await cli.json('group', 'list')).toMatchObject([
    { name: 'default' },
    { name: 'dry', concurrency: 0 },
    {},
  ]);
  expect((await cli.api.get('/v1/agents/a')).status).toBe(404);
});

test('edit opens an editor, and what is wrong is named with its line and kept', async () => {
  const editor = join(cli.folder, 'editor.sh');
  await writeFile(editor, '#!/bin/sh\nsed -i "$EDIT" "$1"\n');
  await chmod(editor, 0o700);
  const edit = (how: string, ...args: string[]) => cli.run(args, { env: { EDITOR: editor, EDIT: how } });
  await cli.api.create('group', { name: 'edited' });
  const changed = await edit('s/^concurrency: 0/concurrency: 9/', 'edit', 'group', 'edited');
  expect(changed).toMatchObject({ code: 0, stdout: 'Changed the group edited.\n' });
  expect((await cli.api.get('/v1/groups/edited')).body).toMatchObject({ concurrency: 9 });
  expect(await edit('', 'group', 'edit', 'edited')).toMatchObject({
    code: 0,
    stderr: 'Nothing was edited.\n',
  });

  const whole = await edit('s/concurrency: 9/concurrency: 10/', 'config', 'edit', '--yes');
  expect(whole).toMatchObject({ code: 0, stdout: 'Applied 1 change.\n' });
  expect(whole.stderr).toContain('~ group edited\n    concurrency: 9 → 10\n');

  const wrong = await edit('s/concurrency: 10/concurency: 10/', 'config', 'edit', '--yes');
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toMatch(/groups\[\d\]\.concurency: unknown field; did you mean "concurrency"\?/);
  const line = /\.yaml:(\d+): /.exec(wrong.stderr)?.[1];
  const kept = /kept in (\S+)/.exec(wrong.stderr)?.[1] ?? '';
  const text = await readFile(kept, 'utf8');
  expect(text.split('\n')[Number(line) - 1]).toContain('concurency: 10');
  await rm(dirname(kept), { recursive: true });
});

test('what is missing or in use is named, with a way out', async () => {
  const [agent, used] = await Promise.all([
    cli.run(['agent', 'add', 'lost']),
    cli.run(['group', 'remove', 'default', '--yes']),
  ]);
  expect(agent.code).toBe(2);
  expect(agent.stderr).toContain('a new agent needs --group <group>');
  expect(used.code).toBe(5);
  expect(used.stderr).toContain('The group "default" is in use: give its users another group');
  expect(used.stderr).toContain('routes.default.groups[0].group: uses this group');
});

test('what is wrong in a file of fields is named with its line, and what is wrong in a flag without', async () => {
  const file = join(cli.folder, 'fields.yaml');
  await writeFile(file, '# a group\ndescription: slow\nqueue:\n  waitMs: 1000\n  depht: 5\nleaseMs: 1\n');
  const added = await cli.run(['group', 'add', 'placed', '-f', file]);
  expect(added.code).toBe(2);
  expect(added.stderr).toContain(`${file}:5: queue.depht: unknown field; did you mean "depth"?`);
  expect(added.stderr).toContain(`${file}:6: leaseMs: `);
  const set = await cli.run(['group', 'set', 'default', '-f', '-'], { input: '\n\nconcurrency: many\n' });
  expect(set.code).toBe(2);
  expect(set.stderr).toContain('standard input:3: concurrency: ');

  await writeFile(file, 'match: { path: /x }\nrewrite: /y\n');
  const flags = ['--to', 'default', '--host', 'not a host'];
  const mixed = await cli.run(['route', 'add', 'mixed', '-f', file, ...flags]);
  expect(mixed.stderr).toContain('match.host: ');
  expect(mixed.stderr).not.toContain(file);
});

test('limits of an app that nobody has to name are pointed out', async () => {
  const added = await cli.run(['app', 'add', 'shop', '--rate', '10/s']);
  expect(added).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('these routes ask for no token: default') as string,
  });
  await cli.api.patch('/v1/routes/default', { auth: 'app' });
  expect(await cli.run(['app', 'set', 'shop', '--rate', '20/s'])).toMatchObject({ code: 0, stderr: '' });
});

test('--watch goes on, and prints what has changed', async () => {
  const { url, token } = cli.api;
  const watch = launch('router-cli', ['get', 'apps', '-w'], {
    env: { NO_COLOR: '', ROUTER_API_URL: url, ROUTER_API_TOKEN: token },
  });
  await cli.api.create('app', { name: 'first' });
  await waitFor(() => watch.stdout.includes('first'), { timeoutMs: 30_000, what: 'the first list' });
  await cli.api.create('app', { name: 'second' });
  await waitFor(() => watch.stdout.includes('second'), { timeoutMs: 30_000, what: 'the second list' });
  const seen = watch.stdout;
  await watch.kill('SIGINT');
  expect(seen.split('\n').filter((line) => line.startsWith('NAME'))).toHaveLength(2);
});

test('who only reads is not told about changes when Redis is away', async () => {
  await cli.redis.kill('SIGKILL');
  const away = await cli.run(['status']);
  expect(away.code).toBe(6);
  expect(away.stderr).toContain('Redis does not answer');
  expect(away.stderr).not.toMatch(/changed|A change/);
});

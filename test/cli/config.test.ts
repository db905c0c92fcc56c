import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { configDocumentSchema, FRESH_DOCUMENT } from '../../router-core/config/document.ts';
import { OBJECT_SCHEMAS } from '../../router-core/config/object-kinds.ts';
import { configTemplate } from '../../router-cli/commands/config-template.ts';
import { useCliBench } from '../support/cli.ts';

// Every command is a process of its own: many in a test are slow on a busy machine.
vi.setConfig({ testTimeout: 90_000 });

const cli = useCliBench();

test('the template is the fresh install, and names every field', () => {
  const template = configTemplate();
  expect(configDocumentSchema.parse(parse(template))).toEqual(FRESH_DOCUMENT);
  for (const schema of Object.values(OBJECT_SCHEMAS)) {
    for (const field of Object.keys(schema.shape)) expect(template).toMatch(new RegExp(`^# +${field}:`, 'm'));
  }
  // Its examples are good ones.
  const examples = template.replaceAll(/^#   (.*)$/gm, '  $1').split('\n');
  const lists = examples.flatMap((line) => /^# (\w+): an example/.exec(line)?.[1] ?? []);
  const document = Object.fromEntries(
    lists.map((list) => {
      const from = examples.findIndex((line) => line.startsWith(`# ${list}: an example`));
      const to = examples.indexOf('#', from);
      return [list, parse(examples.slice(from + 1, to).join('\n')) as unknown];
    }),
  );
  expect(() => configDocumentSchema.parse(document)).not.toThrow();
});

test('init, diff, apply and export go round', async () => {
  const file = join(cli.folder, 'mini-router.yaml');
  expect(await cli.text('config', 'init')).toContain('Wrote mini-router.yaml');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const again = await cli.run(['config', 'init']);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('--force replaces it') as string });
  expect(await cli.text('config', 'init', '-')).toBe(configTemplate());
  expect(await cli.text('config', 'diff')).toBe('Nothing to change.\n');
  expect(await cli.text('config', 'apply')).toBe('Nothing to change.\n');

  const document = parse(await readFile(file, 'utf8')) as Record<string, object[]>;
  document['groups']?.push({ name: 'llama', concurrency: 16 });
  document['agents'] = [{ name: 'gpu-1', group: 'llama' }];
  await writeFile(file, stringify(document));
  expect(await cli.text('config', 'diff')).toBe('+ group llama\n+ agent gpu-1\n');
  const differs = await cli.run(['config', 'diff', '--exit-code', '--json']);
  expect(differs.code).toBe(1);
  expect(JSON.parse(differs.stdout)).toMatchObject({ changes: [{ name: 'llama' }, { name: 'gpu-1' }] });

  const asked = await cli.run(['config', 'apply']);
  expect(asked.code).toBe(2);
  expect(asked.stderr).toMatch(/^\+ group llama\n\+ agent gpu-1\n.*confirm with --yes\n$/);
  const applied = await cli.text('config', 'apply', '--yes');
  expect(applied).toContain('Applied 2 changes.\n\nThe agent gpu-1 is new.\n\nIts token is shown only now:');
  expect(applied).toMatch(/ROUTER_AGENT_TOKEN=mr_agent_\w+ \S+ agent --redis/);

  document['groups']?.forEach((group) => Object.assign(group, { queue: { waitMs: 5_000 } }));
  const input = stringify(document);
  const changed = await cli.run(['config', 'apply', '-', '--yes'], { input });
  expect(changed.stderr).toContain('~ group default\n    queue.waitMs: 30s → 5s\n');

  const exported = await cli.text('config', 'export');
  expect(configDocumentSchema.parse(parse(exported))).toMatchObject({
    groups: [{ name: 'default' }, { name: 'llama', concurrency: 16, queue: { waitMs: 5_000 } }],
  });
  expect(await cli.json('config', 'export')).toEqual(parse(exported));
  await cli.text('config', 'export', 'copy.yaml');
  expect(await readFile(join(cli.folder, 'copy.yaml'), 'utf8')).toBe(exported);
  expect(await cli.text('config', 'diff', 'copy.yaml')).toBe('Nothing to change.\n');
});

test('mistakes in a file are named', async () => {
  const run = (text: string) => cli.run(['config', 'diff', '-'], { input: text });
  const runs = await Promise.all([
    run('groups: [{ name: a, concurrency: many }]'),
    run('routes: [{ name: a, groups: [{ group: b }] }]'),
    run('- a'),
    run('a: "'),
    cli.run(['config', 'apply', 'nowhere.yaml', '--yes']),
    cli.run(['config', 'export', join('no', 'folder')]),
  ]);
  expect(runs.map(({ code }) => code)).toEqual([2, 5, 2, 2, 2, 1]);
  expect(runs[0]?.stderr).toContain('groups[0].concurrency');
  expect(runs[1]?.stderr).toContain('the route "a" uses the group "b", which does not exist');
  expect(runs[2]?.stderr).toContain('expected lists named groups, routes, apps, agents and admins');
  expect(runs[3]?.stderr).toContain('standard input:1:');
});

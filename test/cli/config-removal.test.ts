import { expect, test, vi } from 'vitest';
import { useCliBench } from '../support/cli.ts';

// Every command is a process of its own: many in a test are slow on a busy machine.
vi.setConfig({ testTimeout: 90_000 });

const cli = useCliBench();

const run = (input: string, ...args: string[]) =>
  cli.run(['config', 'apply', '-', '--yes', ...args], { input });

test('a file that says nothing is refused, in words that say how to remove everything', async () => {
  const runs = await Promise.all(
    ['', ' \n\t\n', '# all\n# comments\n', '---\n', '{}', 'null', '~', '---\n# nothing\n...\n'].map((text) =>
      run(text),
    ),
  );
  for (const { code, stderr } of runs) {
    expect(code).toBe(2);
    expect(stderr).toMatch(/the document is empty\. To remove everything, write empty lists .*--yes-delete/);
  }
  const diff = await cli.run(['config', 'diff', '-'], { input: '# nothing' });
  expect(diff).toMatchObject({ code: 2, stderr: expect.stringContaining('is empty') as string });
  expect(await cli.json('group', 'list')).toHaveLength(1);
});

test('what removes most of the objects needs their number', async () => {
  for (const name of ['a', 'b', 'c']) await cli.api.create('group', { name });
  const text = 'groups: [{ name: a }]';
  const refused = await run(text);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain(
    'this removes 4 objects: group b, group c, group default, route default. ' +
      'To confirm it, pass --yes-delete 4',
  );
  expect(await run(text, '--yes-delete', '5')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--yes-delete 4') as string,
  });
  expect(await cli.json('group', 'list')).toHaveLength(4);
  // --yes is not said by it.
  expect((await cli.run(['config', 'apply', '-', '--yes-delete', '4'], { input: text })).code).toBe(2);
  expect(await run(text, '--yes-delete', '4')).toMatchObject({ code: 0 });
  expect(await cli.json('group', 'list')).toHaveLength(1);
  expect(await run('groups: []', '--yes-delete', '1')).toMatchObject({ code: 0 });
});

test('aliases without an end, and levels without number, are told in words and at once', async () => {
  const bomb = 'abcdefgh'.split('').map(
    (name, i) =>
      `${name}: &${name} [${
        i === 0
          ? 'x, x'
          : Array(9)
              .fill(`*${'abcdefgh'[i - 1]}`)
              .join(', ')
      }]`,
  );
  const startedAt = performance.now();
  const runs = await Promise.all([
    run('groups: &all [*all]'),
    run('groups:\n  - &g\n    name: a\n    queue: *g'),
    run(bomb.join('\n')),
    run('groups: *nowhere'),
    run(`groups: ${'['.repeat(100_000)}`),
    run(`groups: ${'{ a: '.repeat(10_000)}1${'}'.repeat(10_000)}`),
    run(`groups:\n${Array.from({ length: 1_000 }, (_, i) => `${' '.repeat(i + 1)}a:\n`).join('')}`),
    run(`{"groups": ${'['.repeat(10_000)}${']'.repeat(10_000)}}`),
    run('groups: []\n---\ngroups: []'),
    cli.run(['group', 'add', 'x', '--file', '-'], { input: 'queue: &q { depth: *q }' }),
  ]);
  expect(performance.now() - startedAt).toBeLessThan(60_000);
  const said = runs.map(({ code, stderr }) => {
    expect(code).toBe(2);
    expect(stderr).not.toMatch(/unexpected failure|stack/);
    return stderr;
  });
  const [loop, inner, tooMuch, unknown, flow, maps, block, json, two, field] = said;
  expect(loop).toContain('groups[0]: an alias (*name) refers to a value that contains it');
  expect(inner).toContain('groups[0].queue: an alias (*name) refers to a value that contains it');
  expect(tooMuch).toContain('its aliases (*name) stand for too much');
  expect(unknown).toContain('Unresolved alias');
  for (const text of [flow, maps, block, json]) expect(text).toContain('nested deeper than 64 levels');
  expect(two).toMatch(/standard input:2:\d+: there is more than one document/);
  expect(field).toContain('an alias (*name) refers to a value that contains it');
});

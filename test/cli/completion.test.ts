import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { findProgram } from '../../router-core/runtime/find-program.ts';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import { useCliBench } from '../support/cli.ts';

const cli = useCliBench();

/** The candidates for the last of these words. */
const offered = async (...words: string[]) =>
  (await cli.text('complete', '--', ...words)).split('\n').slice(0, -1);

test('commands, flags, values and names are completed', { timeout: 90_000 }, async () => {
  await cli.api.create('agent', { name: 'gpu-1', group: 'default' });
  await cli.api.create('agent', { name: 'gpu-2', group: 'default' });
  expect(await offered('age')).toEqual(['agent']);
  expect(await offered('')).toContain('status');
  expect(await offered('')).not.toContain('complete');
  expect(await offered('agent', 'r')).toEqual(['remove', 'resume', 'rotate', 'revoke']);
  expect(await offered('agent', 'rm', '--y')).toEqual(['--yes']);
  expect(await offered('agent', 'drain', 'gpu')).toEqual(['gpu-1', 'gpu-2']);
  expect(await offered('agent', 'drain', 'gpu-1', '')).toEqual([]);
  expect(await offered('agent', 'add', '')).toEqual([]);
  expect(await offered('route', 'add', 'x', '--to', 'other,d')).toEqual(['other,default']);
  expect(await offered('admin', 'add', 'x', '--role', 'o')).toEqual(['operator']);
  expect(await offered('completion', 'b')).toEqual(['bash']);
  const away = await cli.run(['complete', '--', 'agent', 'drain', ''], { env: { ROUTER_API_TOKEN: 'none' } });
  expect(away).toEqual({ code: 0, stdout: '', stderr: '' });
});

test('each shell gets its script, and no other', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    expect(await cli.text('completion', shell)).toContain(`router-cli completion ${shell}`);
  }
  const unknown = await cli.run(['completion', 'tcsh']);
  expect(unknown).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('none of bash, zsh, fish') as string,
  });
});

const shells = (['bash', 'zsh', 'fish'] as const).filter((shell) => findProgram(shell) !== undefined);

test.each(shells)('%s takes it', async (shell) => {
  const script = join(cli.folder, `completion.${shell}`);
  await writeFile(script, await cli.text('completion', shell));
  const program = join(packageFolder(), 'bin', 'router-cli');
  const ask = {
    bash: `source ${script}; COMP_WORDS=(${program} agent pau); COMP_CWORD=2; _router_cli; echo "\${COMPREPLY[@]}"`,
    zsh: `compdef() { :; }; compadd() { print -l -- \${(P)2}; }; source ${script}; words=(${program} agent pau); CURRENT=3; _router_cli`,
    fish: `source ${script}; complete --do-complete '${program} agent pau'`,
  }[shell];
  const { stdout } = await promisify(execFile)(shell, ['-c', ask]);
  expect(stdout.trim()).toBe('pause');
});

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from '../../router-core/runtime/run-command.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import type { ApiInvocation } from './api-command.ts';
import type { SourceText } from './place-problems.ts';

/**
 * Lets a person edit a value as YAML and passes the text on. When that fails, the file is kept and named: it may be an hour's
 * work. It may also contain secrets, so only its user can read it.
 */
export async function editYaml(
  { out, surroundings }: ApiInvocation,
  { name, value }: { name: string; value: unknown },
  take: (source: SourceText) => Promise<void>,
): Promise<void> {
  const { stringify } = await import('yaml');
  const folder = await mkdtemp(join(tmpdir(), 'mini-router-'));
  const path = join(folder, `${name}.yaml`);
  const before = stringify(value);
  try {
    await writeFile(path, before, { mode: 0o600 });
    await openEditor(surroundings.env, path);
    const text = await readFile(path, 'utf8');
    if (text === before) out.note('Nothing was edited.');
    else await take({ path, text });
  } catch (error) {
    out.note(`What you wrote is kept in ${path}`);
    throw error;
  }
  await rm(folder, { recursive: true, force: true });
}

/** An editor may have arguments: `code --wait`. */
function openEditor(env: NodeJS.ProcessEnv, path: string): Promise<void> {
  const editor = env['VISUAL'] || env['EDITOR'] || 'vi';
  return new Promise((resolve, reject) => {
    const fail = (how: string) =>
      reject(
        new CommandError(`the editor ${editor} ${how}; set EDITOR to another one`, {
          exitCode: EXIT_CODES.failed.code,
        }),
      );
    spawn('/bin/sh', ['-c', `${editor} "$1"`, editor, path], { stdio: 'inherit' })
      .on('error', ({ message }) => fail(`could not be started: ${message}`))
      .on('close', (code) => (code === 0 ? resolve() : fail(`ended with ${code ?? 'a signal'}`)));
  });
}

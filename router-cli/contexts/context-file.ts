import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { CommandError } from '../../router-core/runtime/run-command.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { parseJson } from '../../router-core/runtime/parse-json.ts';

const contextSchema = z.object({
  url: z.string(),
  token: z.string(),
  /** The address of Redis in printed agent commands. */
  redisUrl: z.string().optional(),
  /** The process id of the `router-cli up` that made the context, which ends with that process. */
  pid: z.number().optional(),
});
export type Context = z.output<typeof contextSchema>;

const contextsSchema = z.object({
  current: z.string().nullable().default(null),
  contexts: z.record(z.string(), contextSchema).default({}),
});
export type Contexts = z.output<typeof contextsSchema>;

/** The path of the file with contexts, as the XDG base directory specification says. */
export function contextFilePath(env: NodeJS.ProcessEnv): string {
  const base = env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config');
  return join(base, 'mini-router', 'contexts.json');
}

/** Empty when there is no file yet. */
export async function readContexts(path: string): Promise<Contexts> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw new CommandError(`cannot read ${path}: ${error.message}`, { exitCode: EXIT_CODES.failed.code });
  });
  const parsed = contextsSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new CommandError(
    `${path} is not what router-cli has written: repair or delete it, then log in again`,
    {
      exitCode: EXIT_CODES.failed.code,
    },
  );
}

/** Reads, edits and writes the file. Only this user can read it, and no reader ever sees half of it. */
export async function editContexts(path: string, edit: (contexts: Contexts) => Contexts): Promise<void> {
  const edited = edit(await readContexts(path));
  const fresh = `${path}.${randomUUID()}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(fresh, `${JSON.stringify(edited, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw new CommandError(`cannot write ${path}: ${(error as Error).message}`, {
      exitCode: EXIT_CODES.failed.code,
    });
  }
}

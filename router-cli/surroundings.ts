import { existsSync } from 'node:fs';
import { basename, delimiter, dirname, join, relative, resolve } from 'node:path';
import type { ProgramName } from '../router-core/runtime/spawn-program.ts';

/** The environment of a command. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  /** The path by which router-cli was called: the other programs are beside it. */
  readonly script: string;
  /** How the binary was called whose subcommand `cli` this is; undefined outside of it. */
  readonly binary?: string;
}

/** How the program beside this one is called here: by its name when it is on PATH, else by its path. */
export function siblingOf({ env, script, binary }: Surroundings, program: ProgramName): string {
  if (binary !== undefined)
    return program === 'router-core' ? binary : `${binary} ${program.slice('router-'.length)}`;
  const onPath = (env['PATH'] ?? '')
    .split(delimiter)
    .some((folder) => folder !== '' && resolve(folder) === resolve(dirname(script)));
  const path = join(dirname(script), program);
  if (onPath || !existsSync(path)) return program;
  const near = relative(process.cwd(), path);
  return near.startsWith('..') ? path : basename(near) === near ? `./${near}` : near;
}

import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { join } from 'node:path';
import { packageFolder } from './package-info.ts';
import { isSingleFile } from './source-files.ts';

export type ProgramName = 'router-core' | 'router-api' | 'router-cli';

/** Starts another program of this package. The binary holds all of them, and becomes the one by whose name it is called. */
export function spawnProgram(
  program: ProgramName,
  args: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  if (isSingleFile) return spawn(process.execPath, args, { ...options, argv0: program });
  return spawn(process.execPath, [join(packageFolder(), 'bin', program), ...args], options);
}

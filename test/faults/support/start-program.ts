import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { packageFolder } from '../../../router-core/runtime/package-info.ts';
import { spawnNode, type LaunchedProcess } from '../../support/processes.ts';

/** One of the programs in test/faults/programs, as it was last built. */
export function startProgram(program: 'client' | 'upstream', args: string[]): LaunchedProcess {
  const process = spawnNode(join(packageFolder(), 'dist/test/faults/programs', `${program}.js`), args);
  onTestFinished(() => process.kill('SIGKILL'));
  return process;
}

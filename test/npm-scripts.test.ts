import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { packageFolder } from '../router-core/runtime/package-info.ts';
import { findProgram } from '../router-core/runtime/find-program.ts';
import { expectNoProcessLeft, isAlive, spawnNode } from './support/processes.ts';
import type { LaunchedProcess } from './support/processes.ts';
import { useTemporaryDirectory } from './support/temporary-directory.ts';
import { waitFor } from './support/wait.ts';

const temporary = useTemporaryDirectory();
afterEach(expectNoProcessLeft);

function npm(...args: string[]): LaunchedProcess {
  const script = process.env['npm_execpath'] ?? findProgram('npm');
  if (script === undefined) throw new Error('npm is not on PATH');
  return spawnNode(script, args, { cwd: packageFolder() });
}

/** The processes below one, as far as /proc tells. */
function descendantsOf(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: parentOf(name) }));
  const below = (above: number): number[] =>
    parents.filter(({ parent }) => parent === above).flatMap((each) => [each.pid, ...below(each.pid)]);
  return below(pid);
}

function parentOf(pid: string): number {
  try {
    return Number(/\) \w (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);
  } catch {
    return 0;
  }
}

// `line` is printed once all of it runs; `atLeast` counts the processes below npm by then.
const STARTED = [
  { name: 'npm start', script: ['start', '--', '--port', '0'], line: 'Ctrl-C stops everything', atLeast: 7 },
  {
    name: 'npm run bench',
    script: ['run', 'bench', '--', '--smoke', '--only', 'router'],
    line: ' router: ',
    atLeast: 5,
  },
];

// npm starts a shell for each script: a signal to npm alone must not end with that shell.
test
  .skipIf(process.platform !== 'linux')
  .each(
    STARTED.flatMap((started) => (['SIGTERM', 'SIGKILL'] as const).map((signal) => ({ ...started, signal }))),
  )('$signal to npm ends all that $name has started', async ({ script, line, atLeast, signal }) => {
  const running = npm(...script);
  await running.waitForLine(line, { timeoutMs: 40_000 });
  const pids = descendantsOf(running.pid);
  expect(pids.length).toBeGreaterThanOrEqual(atLeast);
  try {
    process.kill(running.pid, signal);
    await waitFor(() => !pids.some(isAlive), { timeoutMs: 10_000, what: 'the end of every process' });
  } finally {
    for (const pid of pids.filter(isAlive)) process.kill(pid, 'SIGKILL');
    await running.ended;
  }
  await waitFor(async () => (await temporary.entries()).length === 0, { what: 'the directories to go' });
});

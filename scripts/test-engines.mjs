// npm run test:engines: the tests, on each server that is on PATH, one after the other: as a server, and once more with every
// server a Cluster of one node, which refuses scripts and commands that mix slots. `--cluster` leaves out the first.
// More arguments go to vitest.
import { join } from 'node:path';
import { build } from './build.mjs';
import { runToEnd } from './run-to-end.mjs';
import { ensurePackages, isOnPath, main, root, SetupError } from './setup.mjs';

const ENGINES = ['redis-server', 'valkey-server', 'dragonfly'];

await main(async () => {
  ensurePackages();
  const engines = ENGINES.filter((engine) => isOnPath(engine));
  if (engines.length === 0) throw new SetupError(`none of these is on PATH: ${ENGINES.join(', ')}`);
  build();
  const given = process.argv.slice(2).filter((arg) => arg !== '--cluster');
  const modes = process.argv.includes('--cluster') ? ['Cluster'] : ['server', 'Cluster'];
  const runs = engines.flatMap((engine) => modes.map((mode) => ({ engine, mode })));
  // Dragonfly is no node of a Cluster with these flags.
  const wanted = runs.filter(({ engine, mode }) => engine !== 'dragonfly' || mode === 'server');
  const nameOf = ({ engine, mode }) => `${engine} as a ${mode}`;
  const failed = [];
  for (const run of wanted) {
    console.log(`\n> tests on ${nameOf(run)}`);
    const env = { ...process.env, TEST_ENGINE: run.engine, TEST_CLUSTER: run.mode === 'Cluster' ? '1' : '' };
    const code = await runToEnd(join(root, 'node_modules', '.bin', 'vitest'), ['run', ...given], { env });
    if (code !== 0) failed.push(run);
    // Ended by a signal: whoever sent it wants none of the others.
    if (code > 128) break;
  }
  const names = (some) => some.map(nameOf).join(', ');
  console.log(failed.length === 0 ? `\nPassed on ${names(wanted)}.` : `\nFailed on ${names(failed)}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
});

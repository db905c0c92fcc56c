// npm run test:engines: the tests, on each server that is on PATH, one after the other. Arguments go to vitest; with
// `--cluster` only the tests that start a Cluster or sentinels.
import { join } from 'node:path';
import { build } from './build.mjs';
import { ensurePackages, isOnPath, main, root, runCommand, SetupError } from './setup.mjs';

const ENGINES = ['redis-server', 'valkey-server', 'dragonfly'];
const CLUSTER_TESTS = ['test/cluster', 'test/faults/sentinel.test.ts'];

await main(() => {
  ensurePackages();
  const engines = ENGINES.filter((engine) => isOnPath(engine));
  if (engines.length === 0) throw new SetupError(`none of these is on PATH: ${ENGINES.join(', ')}`);
  build();
  const given = process.argv.slice(2).filter((arg) => arg !== '--cluster');
  const files = process.argv.includes('--cluster') ? CLUSTER_TESTS : [];
  const failed = engines.filter((engine) => {
    console.log(`\n> tests on ${engine}`);
    const env = { ...process.env, TEST_ENGINE: engine };
    return (
      runCommand(join(root, 'node_modules', '.bin', 'vitest'), ['run', ...files, ...given], { env }) !== 0
    );
  });
  console.log(
    failed.length === 0 ? `\nPassed on ${engines.join(', ')}.` : `\nFailed on ${failed.join(', ')}`,
  );
  process.exitCode = failed.length === 0 ? 0 : 1;
});

// npm run check: everything that is not a test. Runs all of it, then says what failed.
import { join } from 'node:path';
import { ensurePackages, main, root, runCommand } from './setup.mjs';

const CHECKS = [['prettier', '--check', '.'], ['tsc', '--noEmit'], ['oxlint'], ['knip']];

await main(() => {
  ensurePackages();
  const failed = CHECKS.filter(([tool, ...args]) => {
    console.log(`\n> ${[tool, ...args].join(' ')}`);
    return runCommand(join(root, 'node_modules', '.bin', tool), args) !== 0;
  });
  const names = failed.map(([tool]) => tool).join(', ');
  console.log(failed.length === 0 ? '\nAll checks passed.' : `\nFailed: ${names}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
});

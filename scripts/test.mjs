// npm test: arguments go to vitest (`npm test -- test/settings.test.ts`). Without any, it leaves out what takes too long for
// everybody; `npm run test:matrix` runs that.
import { join } from 'node:path';
import { build } from './build.mjs';
import { runToEnd } from './run-to-end.mjs';
import { ensurePackages, ensureRedis, main, root } from './setup.mjs';

function whatToRun(args) {
  if (args[0] === '--matrix') return ['--project', 'matrix', ...args.slice(1)];
  const isChosen = args.some((arg) => !arg.startsWith('-'));
  return isChosen ? args : ['--project', 'all', '--project', 'alone', ...args];
}

await main(async () => {
  ensurePackages();
  await ensureRedis({ ownProcess: true });
  build();
  process.exitCode = await runToEnd(join(root, 'node_modules', '.bin', 'vitest'), [
    'run',
    ...whatToRun(process.argv.slice(2)),
  ]);
});

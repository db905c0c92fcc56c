// npm test: arguments go to vitest (`npm test -- test/settings.test.ts`).
import { join } from 'node:path';
import { build } from './build.mjs';
import { ensurePackages, ensureRedis, main, root, runCommand } from './setup.mjs';

await main(async () => {
  ensurePackages();
  await ensureRedis({ ownProcess: true });
  build();
  process.exitCode = runCommand(join(root, 'node_modules', '.bin', 'vitest'), [
    'run',
    ...process.argv.slice(2),
  ]);
});

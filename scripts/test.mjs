// npm test: arguments go to vitest (`npm test -- test/settings.test.ts`).
import { join } from 'node:path';
import { build } from './build.mjs';
import { runToEnd } from './run-to-end.mjs';
import { ensurePackages, ensureRedis, main, root } from './setup.mjs';

await main(async () => {
  ensurePackages();
  await ensureRedis({ ownProcess: true });
  build();
  process.exitCode = await runToEnd(join(root, 'node_modules', '.bin', 'vitest'), [
    'run',
    ...process.argv.slice(2),
  ]);
});

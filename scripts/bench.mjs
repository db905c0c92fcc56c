// npm run bench: arguments go to bench/main.ts (`npm run bench -- --smoke`).
import { join } from 'node:path';
import { build } from './build.mjs';
import { runToEnd } from './run-to-end.mjs';
import { ensurePackages, ensureRedis, main, root } from './setup.mjs';

await main(async () => {
  ensurePackages();
  await ensureRedis({ ownProcess: true });
  build();
  process.exitCode = await runToEnd(process.execPath, [
    join(root, 'dist', 'bench', 'main.js'),
    ...process.argv.slice(2),
  ]);
});

// npm start: everything on this machine, with a demo upstream. Arguments go to `router-cli up`.
import { join } from 'node:path';
import { build } from './build.mjs';
import { runToEnd } from './run-to-end.mjs';
import { ensurePackages, ensureRedis, main, root } from './setup.mjs';

await main(async () => {
  const args = process.argv.slice(2);
  ensurePackages();
  if (!args.some((arg) => /^--redis(=|$)/.test(arg))) await ensureRedis();
  build();

  const cli = join(root, 'bin', 'router-cli');
  process.exitCode = await runToEnd(process.execPath, [cli, 'up', '--demo', ...args]);
});

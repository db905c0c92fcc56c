// npm start: everything on this machine, with a demo upstream. Arguments go to `router-cli up`.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { build } from './build.mjs';
import { ensurePackages, ensureRedis, main, root } from './setup.mjs';

await main(async () => {
  const args = process.argv.slice(2);
  ensurePackages();
  if (!args.some((arg) => /^--redis(=|$)/.test(arg))) await ensureRedis();
  build();

  const child = spawn(process.execPath, [join(root, 'bin', 'router-cli'), 'up', '--demo', ...args], {
    stdio: 'inherit',
  });
  // A Ctrl-C reaches the child by the terminal as well; it takes both for one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
});

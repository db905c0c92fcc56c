// npm run soak: random faults for as long as asked (`npm run soak -- --minutes 30 --seed 7`), or the scenarios of
// test/faults in their long form (`npm run soak -- --scenarios`). More arguments go to vitest.
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';
import { runToEnd } from './run-to-end.mjs';
import { ensurePackages, ensureRedis, main, root, SetupError } from './setup.mjs';

function readArguments() {
  const options = {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(randomInt(1_000_000)) },
    scenarios: { type: 'boolean', default: false },
  };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  for (const name of ['minutes', 'seed']) {
    if (!/^\d+(\.\d+)?$/.test(values[name])) throw new SetupError(`--${name} needs a number`);
  }
  return { ...values, positionals };
}

await main(async () => {
  const { minutes, seed, scenarios, positionals } = readArguments();
  ensurePackages();
  await ensureRedis({ ownProcess: true });
  build();
  if (!scenarios) console.log(`Random faults for ${minutes} min, seed ${seed}`);
  Object.assign(
    process.env,
    scenarios ? { FAULTS_LONG: '1' } : { FAULTS_MINUTES: minutes, FAULTS_SEED: seed },
  );
  process.exitCode = await runToEnd(join(root, 'node_modules', '.bin', 'vitest'), [
    'run',
    scenarios ? 'test/faults' : 'test/faults/soak.test.ts',
    ...positionals,
  ]);
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { expectNoProcessLeft } from './processes.ts';
import { expectNoRedisLeft } from './redis.ts';

// Where router-cli keeps its contexts: those of whoever runs the tests are not theirs.
const configFolder = mkdtempSync(join(tmpdir(), 'mini-router-test-config-'));
process.env['XDG_CONFIG_HOME'] = configFolder;

// In every test file: what its own hooks have not stopped is stopped here, and fails the file.
afterAll(async () => {
  try {
    await expectNoProcessLeft();
  } finally {
    await expectNoRedisLeft();
    rmSync(configFolder, { recursive: true, force: true });
  }
});

import { afterAll } from 'vitest';
import { expectNoProcessLeft } from './processes.ts';
import { expectNoRedisLeft } from './redis.ts';

// In every test file: what its own hooks have not stopped is stopped here, and fails the file.
afterAll(async () => {
  try {
    await expectNoProcessLeft();
  } finally {
    await expectNoRedisLeft();
  }
});

import { defineConfig } from 'vitest/config';

// Tests say themselves what they set: a variable from the shell must not change what they prove.
for (const name of Object.keys(process.env)) {
  if (name.startsWith('ROUTER_')) delete process.env[name];
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/leftovers.ts'],
    pool: 'forks',
    // Each file starts processes of its own (Redis, hubs, agents): more files at once only make them slow.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A test that passes at the second try has found something.
    retry: 0,
  },
});

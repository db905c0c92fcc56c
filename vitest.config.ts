import { defineConfig } from 'vitest/config';

// Tests say themselves what they set: a variable from the shell must not change what they prove.
for (const name of Object.keys(process.env)) {
  if (name.startsWith('ROUTER_')) delete process.env[name];
}

/** Bounds of time that another test beside them would break: one file at a time, after all others. */
const ALONE = [
  'test/redis/large-relay.test.ts',
  'test/api/many-routes.test.ts',
  'test/http/small-pieces.test.ts',
];

/** What takes too long for everybody: faults over every link, the suites of linked agents, other clients, Clusters, binaries. */
const MATRIX = ['test/{faults,cluster,binary,slime}/**/*.test.ts', 'test/link/agent-*.test.ts'];

// Each file starts processes of its own (Redis, hubs, agents): more files at once only make them slow.
const maxWorkers = 2;

export default defineConfig({
  test: {
    setupFiles: ['test/support/leftovers.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A test that passes at the second try has found something.
    retry: 0,
    projects: [
      {
        extends: true,
        test: {
          name: 'all',
          include: ['test/**/*.test.ts'],
          exclude: [...MATRIX, ...ALONE],
          maxWorkers,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'matrix', include: MATRIX, maxWorkers, sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: { name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});

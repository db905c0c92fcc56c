import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest';

/**
 * Gives each test of a file a directory that it, and the processes it starts, take for the system's place for temporary
 * files: whatever is left in there is theirs, not that of a test that runs beside it.
 */
export function useTemporaryDirectory(): { readonly path: string; entries(): Promise<string[]> } {
  let path = '';
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'mini-router-test-'));
    vi.stubEnv('TMPDIR', path);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(path, { recursive: true, force: true });
  });
  return {
    get path() {
      return path;
    },
    entries: () => readdir(path),
  };
}

/** Gives all tests of a file one directory. To be called before any other hook. */
export function useTemporaryFolder(): { readonly path: string } {
  let path = '';
  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), 'mini-router-test-'));
  });
  afterAll(() => rm(path, { recursive: true, force: true }));
  return {
    get path() {
      return path;
    },
  };
}

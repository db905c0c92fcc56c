import { readFileSync } from 'node:fs';
import { chmod, mkdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ensureNode, ensurePackages, ensureRedis } from '../scripts/setup.mjs';
import { useTemporaryDirectory } from './support/temporary-directory.ts';

const temporary = useTemporaryDirectory();
let calls: string[];

/** Stands in for running a program: notes the command, and fails those that begin with one of `failing`. */
function runner(...failing: string[]) {
  return (program: string, args: string[]): number => {
    const command = [program, ...args].join(' ');
    calls.push(command);
    return failing.some((start) => command.startsWith(start)) ? 1 : 0;
  };
}

async function putOnPath(...programs: string[]): Promise<void> {
  for (const program of programs) {
    await writeFile(join(temporary.path, program), '#!/bin/sh\nexit 0\n');
    await chmod(join(temporary.path, program), 0o755);
  }
}

beforeEach(() => {
  calls = [];
  vi.stubEnv('PATH', temporary.path);
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('finding a Redis', () => {
  test('takes the one in ROUTER_REDIS_URL before all others', async () => {
    vi.stubEnv('ROUTER_REDIS_URL', 'redis://somewhere');
    await putOnPath('redis-server', 'docker');
    expect(await ensureRedis({ run: runner(), isRoot: true })).toBe('url');
    expect(calls).toEqual([]);
  });

  test('does not take it for tests, which kill their Redis', async () => {
    vi.stubEnv('ROUTER_REDIS_URL', 'redis://somewhere');
    await putOnPath('redis-server');
    expect(await ensureRedis({ ownProcess: true, run: runner(), isRoot: false })).toBe('binary');
  });

  test.each(['redis-server', 'valkey-server'])('takes a %s on PATH before Docker', async (program) => {
    await putOnPath(program, 'docker', 'apt-get');
    expect(await ensureRedis({ run: runner(), isRoot: true })).toBe('binary');
    expect(calls).toEqual([]);
  });

  test('takes a Docker engine that answers before it installs anything', async () => {
    await putOnPath('docker', 'apt-get');
    expect(await ensureRedis({ run: runner(), isRoot: true })).toBe('docker');
    expect(calls).toEqual(['docker info']);
  });

  test('installs the Debian package as root when Docker does not answer', async () => {
    await putOnPath('docker', 'apt-get');
    expect(
      await ensureRedis({
        run: runner('docker info'),
        isRoot: true,
        policyFile: join(temporary.path, 'policy'),
      }),
    ).toBe('installed');
    expect(calls.slice(0, 3)).toEqual([
      'docker info',
      'apt-get update',
      'apt-get install -y --no-install-recommends redis-server',
    ]);
  });

  test.each([true, false])('says how to get one when there is none (tests: %s)', async (ownProcess) => {
    await putOnPath('apt-get');
    const failing = ensureRedis({ ownProcess, run: runner(), isRoot: false });
    await expect(failing).rejects.toThrow(/redis-server or valkey-server[\s\S]*Docker/);
    expect(calls).toEqual([]);
  });
});

describe('installing the Debian package', () => {
  test('keeps it from starting its service, and removes the file that says so', async () => {
    await putOnPath('apt-get');
    const policyFile = join(temporary.path, 'policy');
    const policies: string[] = [];
    const run = (program: string, args: string[]): number => {
      if (program === 'apt-get' && args[0] === 'install') policies.push(readFileSync(policyFile, 'utf8'));
      return 0;
    };
    await ensureRedis({ run, isRoot: true, policyFile });
    expect(policies).toEqual(['#!/bin/sh\nexit 101\n']);
    await expect(stat(policyFile)).rejects.toThrow('ENOENT');
  });

  test('leaves a policy file that is already there as it is', async () => {
    await putOnPath('apt-get');
    const policyFile = join(temporary.path, 'policy');
    await writeFile(policyFile, 'somebody else wrote this');
    await ensureRedis({ run: runner(), isRoot: true, policyFile });
    expect(await readFile(policyFile, 'utf8')).toBe('somebody else wrote this');
  });

  test('fails with a sentence when apt-get does, and still cleans up', async () => {
    await putOnPath('apt-get');
    const policyFile = join(temporary.path, 'policy');
    const failing = ensureRedis({ run: runner('apt-get install'), isRoot: true, policyFile });
    await expect(failing).rejects.toThrow('apt-get install -y --no-install-recommends redis-server failed');
    await expect(stat(policyFile)).rejects.toThrow('ENOENT');
  });
});

describe('npm packages', () => {
  const INSTALL = 'npm ci --include=dev --no-audit --no-fund --loglevel=error';

  /** `installed` is what npm noted in node_modules; the lock file is a minute newer than that. */
  async function checkout(wanted: object, installed: object | undefined): Promise<void> {
    await writeFile(
      join(temporary.path, 'package-lock.json'),
      JSON.stringify({ packages: { '': {}, ...wanted } }),
    );
    if (installed === undefined) return;
    await mkdir(join(temporary.path, 'node_modules'));
    const note = join(temporary.path, 'node_modules', '.package-lock.json');
    await writeFile(note, JSON.stringify({ packages: installed }));
    const earlier = new Date(Date.now() - 60_000);
    await utimes(note, earlier, earlier);
  }

  test('are installed when there are none', async () => {
    await checkout({}, undefined);
    ensurePackages({ folder: temporary.path, run: runner() });
    expect(calls).toEqual([INSTALL]);
  });

  test.each([
    [
      'a version has changed',
      { 'node_modules/a': { version: '2.0.0' } },
      { 'node_modules/a': { version: '1.0.0' } },
    ],
    ['one was added', { 'node_modules/a': { version: '1.0.0' } }, {}],
    ['one was removed', {}, { 'node_modules/a': { version: '1.0.0' } }],
  ])('are installed when %s', async (_change, wanted, installed) => {
    await checkout(wanted, installed);
    ensurePackages({ folder: temporary.path, run: runner() });
    expect(calls).toEqual([INSTALL]);
  });

  test('are left alone when the lock file is newer and says the same', async () => {
    const packages = { 'node_modules/a': { version: '1.0.0' } };
    await checkout({ ...packages, 'node_modules/mac-only': { version: '1.0.0', optional: true } }, packages);
    ensurePackages({ folder: temporary.path, run: runner() });
    expect(calls).toEqual([]);
  });

  test('that cannot be installed are a sentence, not a stack', async () => {
    await checkout({}, undefined);
    expect(() => ensurePackages({ folder: temporary.path, run: runner('npm') })).toThrow(
      'npm ci failed: see above',
    );
  });
});

test('an old Node is refused with the version that is needed', () => {
  expect(() => ensureNode('20.18.3')).toThrow('Node 20.19 or newer is needed, this is 20.18.3');
  expect(() => ensureNode('18.20.0')).toThrow('Node 20.19');
  ensureNode('20.19.0');
  ensureNode('24.0.0');
});

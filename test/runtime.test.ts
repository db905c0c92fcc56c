import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { createBackoff, sleep } from '../router-core/runtime/backoff.ts';
import { packageFolder } from '../router-core/runtime/package-info.ts';
import { expectNoProcessLeft, isAlive, spawnNode } from './support/processes.ts';
import type { LaunchedProcess } from './support/processes.ts';
import { useTemporaryDirectory } from './support/temporary-directory.ts';
import { waitFor } from './support/wait.ts';

describe('back-off', () => {
  test('doubles its ceiling up to the longest wait, never below the shortest', () => {
    const backoff = createBackoff({ minMs: 10, maxMs: 100 });
    const ceilings = [20, 40, 80, 100, 100, 100];
    for (let round = 0; round < 200; round += 1) {
      backoff.reset();
      for (const ceiling of ceilings) {
        const ms = backoff.next();
        expect(ms).toBeGreaterThanOrEqual(10);
        expect(ms).toBeLessThanOrEqual(ceiling);
      }
    }
  });

  test('spreads its waits over the whole range', () => {
    const backoff = createBackoff({ minMs: 0, maxMs: 100 });
    const steady = createBackoff({ minMs: 50, maxMs: 50 });
    expect(steady.next()).toBe(50);
    expect(backoff.next()).toBe(0);

    const waits = Array.from({ length: 300 }, () => {
      const wide = createBackoff({ minMs: 10, maxMs: 1_000 });
      return [wide.next(), wide.next(), wide.next()].at(-1) ?? 0;
    });
    expect(Math.min(...waits)).toBeLessThan(20);
    expect(Math.max(...waits)).toBeGreaterThan(70);
  });

  test('a sleep ends early when its signal aborts, and never rejects', async () => {
    const abort = new AbortController();
    const startedMs = performance.now();
    setTimeout(() => abort.abort(), 20);
    await sleep(10_000, abort.signal);
    await sleep(10_000, abort.signal);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });
});

describe('a process', () => {
  const temporary = useTemporaryDirectory();
  afterEach(expectNoProcessLeft);

  /** Runs a script that has `createLogger` and `closeOnSignal` as they were built. */
  async function run(script: string): Promise<LaunchedProcess> {
    const module = (name: string) =>
      pathToFileURL(join(packageFolder(), 'dist/router-core/runtime', name)).href;
    const file = join(temporary.path, 'script.mjs');
    await writeFile(
      file,
      `import { createLogger } from '${module('logger.js')}';
       import { closeOnSignal } from '${module('shutdown.js')}';
       const log = createLogger({ level: 'info', name: 'part' });
       const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
       ${script}
       setInterval(() => {}, 1000);
       log.info({ answer: 42 }, 'running');`,
    );
    const program = spawnNode(file, []);
    await program.waitForLine('running');
    return program;
  }

  test('logs JSON when stdout is not a terminal', async () => {
    const program = await run('');
    const line = JSON.parse(program.stdout) as Record<string, unknown>;
    expect(line).toMatchObject({ level: 30, name: 'part', pid: program.pid, answer: 42, msg: 'running' });
    expect(Date.parse(String(line['time']))).toBeGreaterThan(0);
    await program.kill('SIGKILL');
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'closes once on %s and exits 0 when that is done',
    async (signal) => {
      const program = await run(`closeOnSignal(async () => { await wait(200); log.info('closed'); }, log);`);
      await program.kill(signal);
      expect(await program.ended).toEqual({ code: 0, signal: null });
      expect(program.stdout.split('"closed"')).toHaveLength(2);
    },
  );

  test('ends when nobody reads its log any more', async () => {
    const program = await run(
      `process.on('SIGTERM', () => { log.warn('in flight'); log.warn('left'); process.exit(3); });`,
    );
    program.stopReading();
    process.kill(program.pid, 'SIGTERM');
    expect(await program.ended).toEqual({ code: 3, signal: null });
  });

  test('goes on when nobody reads its log any more', async () => {
    const program = await run(`process.on('SIGTERM', async () => {
      for (let i = 0; i < 3; i += 1) { log.warn('nobody hears'); await wait(20); }
      process.exit(4);
    });`);
    program.stopReading();
    process.kill(program.pid, 'SIGTERM');
    expect(await program.ended).toEqual({ code: 4, signal: null });
  });

  test('writes all of its log when it exits', async () => {
    const program = await run(`process.on('SIGTERM', () => {
      for (let i = 0; i < 20_000; i += 1) log.info({ i }, 'many');
      process.exit(0);
    });`);
    await program.kill('SIGTERM');
    const lines = program.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(20_001);
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ i: 19_999 });
  });

  test('drops lines, and says how many, when its log is not read for long', async () => {
    const program = await run(`process.on('SIGTERM', async () => {
      const line = 'x'.repeat(1024 * 1024);
      for (let i = 0; i < 60; i += 1) { log.info({ i }, line); await wait(25); }
      process.on('SIGINT', () => setInterval(() => log.info('read again'), 100));
      process.stderr.write('all logged');
    });`);
    program.readOutput(false);
    process.kill(program.pid, 'SIGTERM');
    await program.waitForLine('all logged');
    program.readOutput(true);
    process.kill(program.pid, 'SIGINT');
    await waitFor(() => program.stdout.includes('read again'), { what: 'the end of the log' });
    const count = Number(/"(\d+) lines are missing here/.exec(program.stdout)?.[1]);
    expect(program.stdout.split('\n').filter((line) => line.includes('xxxx')).length).toBe(60 - count);
    expect(count).toBeGreaterThan(25);
    await program.kill('SIGKILL');
  });

  test('exits although nobody comes to read its log', async () => {
    const program = await run(`process.on('SIGTERM', () => {
      log.info('x'.repeat(4 * 1024 * 1024));
      process.exit(5);
    });`);
    program.readOutput(false);
    process.kill(program.pid, 'SIGTERM');
    await waitFor(() => !isAlive(program.pid), { what: 'its end' });
    program.readOutput(true);
    expect(await program.ended).toEqual({ code: 5, signal: null });
  });

  test('takes the two signals of one Ctrl-C for one', async () => {
    const program = await run(`closeOnSignal(async () => { await wait(300); log.info('closed'); }, log);`);
    process.kill(program.pid, 'SIGINT');
    process.kill(program.pid, 'SIGTERM');
    expect(await program.ended).toEqual({ code: 0, signal: null });
    expect(program.stdout).toContain('"closed"');
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('exits at once on a later second %s, with code %i', async (signal, code) => {
    const program = await run('closeOnSignal(() => wait(60_000), log);');
    process.kill(program.pid, signal);
    await sleep(700);
    process.kill(program.pid, signal);
    expect(await program.ended).toEqual({ code, signal: null });
  });

  test('exits 1 when it could not close', async () => {
    const program = await run(`closeOnSignal(() => Promise.reject(new Error('stuck')), log);`);
    await program.kill('SIGTERM');
    expect((await program.ended).code).toBe(1);
    expect(program.stdout).toContain('stuck');
  });
});

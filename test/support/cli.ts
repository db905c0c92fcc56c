import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { startTestApi, type TestApi } from './api.ts';
import { launch } from './processes.ts';
import { startRedis, type TestRedis } from './redis.ts';

export interface CliRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  readonly cwd?: string;
}

/** Runs router-cli as a process, to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const { env = {}, ...rest } = options;
  const cli = launch('router-cli', [...args], { env: { NO_COLOR: '', ...env }, ...rest });
  const { code } = await cli.ended;
  return { code, stdout: cli.stdout, stderr: cli.stderr };
}

export interface CliBench {
  readonly api: TestApi;
  readonly redis: TestRedis;
  /** Folder of the process, until the file ends. */
  readonly folder: string;
  /** As root of the API. */
  run(args: readonly string[], options?: CliOptions): Promise<CliRun>;
  /** The same; throws unless it works. Answers what it has printed. */
  text(...args: string[]): Promise<string>;
  /** The same with --json, parsed. */
  json<T = unknown>(...args: string[]): Promise<T>;
}

/** A Redis and a router-api for all tests of a file. */
export function useCliBench(): CliBench {
  let redis: TestRedis | undefined;
  let started: Awaited<ReturnType<typeof startTestApi>> | undefined;
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mini-router-test-'));
    redis = await startRedis();
    started = await startTestApi(redis.url);
  });
  afterAll(async () => {
    await started?.close();
    await redis?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const there = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('only while tests run');
    return value;
  };
  const bench: CliBench = {
    get api() {
      return there(started).api;
    },
    get redis() {
      return there(redis);
    },
    get folder() {
      return folder;
    },
    run(args, { env = {}, ...rest } = {}) {
      const { url, token } = bench.api;
      return runCli(args, {
        env: { ROUTER_API_URL: url, ROUTER_API_TOKEN: token, ...env },
        cwd: folder,
        ...rest,
      });
    },
    async text(...args) {
      const { code, stdout, stderr } = await bench.run(args);
      if (code !== 0) throw new Error(`router-cli ${args.join(' ')} ended with ${code}: ${stderr}`);
      return stdout;
    },
    async json<T>(...args: string[]) {
      return JSON.parse(await bench.text(...args, '--json')) as T;
    },
  };
  return bench;
}

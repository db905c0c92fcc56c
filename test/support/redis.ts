import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { endProcess } from '../../router-cli/end-process.ts';
import { startRedisProcess } from '../../router-cli/redis-process.ts';
import { engineOf, engineProgram, isOneNodeCluster } from './engine.ts';
import { freePort } from './ports.ts';
import { startRedisContainer } from './redis-container.ts';
import { waitFor } from './wait.ts';

export interface RedisOptions {
  /** Keep every write on disk, so that `restart()` finds the data again. */
  appendOnly?: boolean;
  /** For instance `64mb`. */
  maxMemory?: string;
  /** More of redis-server's own arguments. */
  args?: string[];
}

/** A real server that belongs to one test file. */
export interface TestRedis {
  readonly url: string;
  /** The URL for hubs and agents, when that is not the URL of this one server. */
  readonly storeUrl?: string;
  readonly port: number;
  /** Where the server keeps its files. */
  readonly dir: string;
  /** Process id of the server; undefined when it runs in a container. */
  readonly pid: number | undefined;
  /** Sends a signal. Waits for the end of the process when the signal ends it (not with SIGSTOP and SIGCONT). */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Stops the server when it still runs, and starts it again on the same port and directory. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the engine that the tests are for, see engine.ts; without one on PATH, a container. */
export async function startRedis(options: RedisOptions = {}): Promise<TestRedis> {
  const args = [
    ...(options.appendOnly ? ['--appendonly', 'yes', '--appendfsync', 'always'] : []),
    ...(options.maxMemory === undefined ? [] : ['--maxmemory', options.maxMemory]),
    ...(options.args ?? []),
  ];
  const program = engineProgram();
  const dir = await mkdtemp(join(tmpdir(), 'mini-router-test-'));
  const port = await freePort();
  const cleanUp = async (): Promise<void> => {
    running.delete(redis);
    await rm(dir, { recursive: true, force: true });
  };
  const redis: TestRedis = await (program === undefined
    ? startRedisContainer({ port, dir, args, cleanUp })
    : startRedisServer(program, { port, dir, args, cleanUp }));
  running.add(redis);
  return redis;
}

const running = new Set<TestRedis>();

/** Stops every server that a test file has left running, and fails when there was one. */
export async function expectNoRedisLeft(): Promise<void> {
  const left = [...running];
  await Promise.all(left.map((redis) => redis.stop()));
  if (left.length > 0) throw new Error(`left running: Redis on ${left.map(({ port }) => port).join(', ')}`);
}

export interface RunnerOptions {
  port: number;
  dir: string;
  args: string[];
  /** To be called when the server has been stopped. */
  cleanUp: () => Promise<void>;
}

async function startRedisServer(program: string, options: RunnerOptions): Promise<TestRedis> {
  const { port, dir, args, cleanUp } = options;
  const isCluster = isOneNodeCluster(args);
  const clusterArgs = isCluster
    ? ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())]
    : [];
  const start = async () => {
    const started = await startRedisProcess(engineOf(program), {
      port,
      dir,
      args: [...args, ...clusterArgs],
    });
    if (isCluster) await takeAllSlots(port, args);
    return started;
  };
  let server = await start();
  let runs = true;

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    dir,
    get pid() {
      return server.pid;
    },
    async kill(signal) {
      server.signal(signal);
      if (signal === 'SIGSTOP' || signal === 'SIGCONT') return;
      await server.ended;
      runs = false;
    },
    async restart() {
      if (runs) await endProcess(server, { graceMs: 5_000 });
      server = await start();
      runs = true;
    },
    async stop() {
      // A stopped process would not hear SIGTERM.
      if (runs) server.signal('SIGCONT');
      if (runs) await endProcess(server, { graceMs: 5_000 });
      runs = false;
      await cleanUp();
    },
  };
}

/** Makes a server a whole Cluster; one that was started again is one already, and needs a moment. */
async function takeAllSlots(port: number, args: readonly string[]): Promise<void> {
  const password = args[args.indexOf('--requirepass') + 1];
  const client = new Redis({
    port,
    host: '127.0.0.1',
    ...(args.includes('--requirepass') && password !== undefined && { password }),
  });
  try {
    await client.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383).catch(() => undefined);
    const isOk = async () => String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok');
    await waitFor(isOk, { what: 'the Cluster to be whole' });
  } finally {
    client.disconnect();
  }
}

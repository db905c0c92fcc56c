import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { engineProgram } from './engine.ts';
import { withRedis } from './parts.ts';
import { redisCommand } from './redis-command.ts';
import { startRedis, type TestRedis } from './redis.ts';
import { freePort } from './ports.ts';
import { waitFor } from './wait.ts';

const MASTER_NAME = 'main';

/** Replication begins at once, and not when more replicas might have come. */
const REPLICATED = ['--repl-diskless-sync-delay', '0'];

/** A master, a replica and three sentinels. As a server it is the one that is the master now. */
export interface WatchedRedis extends TestRedis {
  readonly storeUrl: string;
  /** Resolves when the sentinels have made another server the master. */
  failedOver(): Promise<void>;
}

/** Ends with the test. `args` are for master and replica. */
export async function watchedRedisHere(args: string[] = []): Promise<WatchedRedis> {
  const servers: TestRedis[] = [];
  const start = async (options: Parameters<typeof startRedis>[0]) => {
    const server = await startRedis(options);
    servers.push(server);
    return server;
  };
  onTestFinished(async () => void (await Promise.all(servers.map((server) => server.stop()))));
  const first = await start({ args: [...REPLICATED, ...args] });
  const second = await start({
    args: [...REPLICATED, '--replicaof', '127.0.0.1', String(first.port), ...args],
  });
  await waitFor(
    () => withRedis(second.url, async (client) => /link_status:up/.test(await client.info('replication'))),
    {
      what: 'the replica to have a copy',
    },
  );
  const sentinels = await Promise.all([1, 2, 3].map(() => sentinelHere(first.port)));
  await Promise.all(sentinels.map(waitForPeers));
  let master = first;
  const watched: WatchedRedis = {
    get url() {
      return master.url;
    },
    storeUrl: `redis+sentinel://${sentinels.map((port) => `127.0.0.1:${port}`).join(',')}/${MASTER_NAME}`,
    get port() {
      return master.port;
    },
    get dir() {
      return master.dir;
    },
    get pid() {
      return master.pid;
    },
    kill: (signal) => master.kill(signal),
    restart: () => master.restart(),
    stop: () => master.stop(),
    async failedOver() {
      const other = master === first ? second : first;
      await waitFor(
        () => withRedis(other.url, async (client) => /^role:master/m.test(await client.info('replication'))),
        { timeoutMs: 20_000, what: 'the replica to be the master' },
      );
      master = other;
    },
  };
  return watched;
}

/** A sentinel that agrees with one other, on a free port. It keeps what it learns in its configuration file. */
async function sentinelHere(masterPort: number): Promise<number> {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'mini-router-test-'));
  const file = join(dir, 'sentinel.conf');
  const settings = [
    `monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} 2`,
    `down-after-milliseconds ${MASTER_NAME} 1000`,
    `failover-timeout ${MASTER_NAME} 4000`,
  ];
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    `dir ${dir}`,
    ...settings.map((each) => `sentinel ${each}`),
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const program = engineProgram();
  if (program === undefined) throw new Error('sentinels need redis-server or valkey-server');
  const child = spawn(program, [file, '--sentinel'], { stdio: 'ignore' });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
    rmSync(dir, { recursive: true });
  });
  return port;
}

/** Sentinels find each other through the master, and its replicas, in a second or two. */
async function waitForPeers(port: number): Promise<void> {
  const answers = async () => (await redisCommand(port, 'PING')) === '+PONG';
  await waitFor(answers, { what: 'a sentinel to answer' });
  await withRedis(`redis://127.0.0.1:${port}`, (client) =>
    waitFor(
      async () => {
        const fields = (await client.call('SENTINEL', 'MASTER', MASTER_NAME)) as string[];
        const field = (name: string) => fields[fields.indexOf(name) + 1];
        return field('num-other-sentinels') === '2' && field('num-slaves') === '1';
      },
      { timeoutMs: 20_000, what: 'the sentinels to know each other' },
    ),
  );
}

import { onTestFinished } from 'vitest';
import { hashSlot, SLOTS } from '../../router-core/redis/connection/hash-slot.ts';
import { withRedis } from './parts.ts';
import { freePort } from './ports.ts';
import { startRedis, type TestRedis } from './redis.ts';
import { uniqueGroup } from './router.ts';
import { waitFor } from './wait.ts';

const MASTERS = 3;

/** Three masters, each with a third of the slots, and a replica of each if wanted. */
export interface RedisCluster {
  readonly storeUrl: string;
  /** The first masters. */
  readonly masters: readonly [TestRedis, TestRedis, TestRedis];
  readonly replicas: readonly TestRedis[];
  /** A name whose keys are on this one of the masters. */
  groupOn(master: number): string;
  /** Asks one of its servers. */
  on<T = string>(server: TestRedis, ...command: string[]): Promise<T>;
  /** Resolves when the replica of this master has taken over. */
  failedOver(master: number): Promise<void>;
}

export interface ClusterOptions {
  readonly withReplicas?: boolean;
  /** Password of the default user. */
  readonly password?: string;
}

/** Ends with the test. */
export async function clusterHere({
  withReplicas = false,
  password,
}: ClusterOptions = {}): Promise<RedisCluster> {
  const nodes = await Promise.all(
    Array.from({ length: withReplicas ? 2 * MASTERS : MASTERS }, () => nodeHere(password)),
  );
  const masters = nodes.slice(0, MASTERS).map(({ redis }) => redis) as [TestRedis, TestRedis, TestRedis];
  const replicas = nodes.slice(MASTERS).map(({ redis }) => redis);
  const login = password === undefined ? '' : `:${password}@`;
  const on = <T = string>({ port }: TestRedis, ...command: string[]) =>
    withRedis(`redis://${login}127.0.0.1:${port}`, (client) => {
      return client.call(command[0] ?? '', ...command.slice(1)) as Promise<T>;
    });

  for (const [i, master] of masters.entries()) {
    await on(master, 'CLUSTER', 'ADDSLOTSRANGE', String(firstSlot(i)), String(firstSlot(i + 1) - 1));
    await on(master, 'CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
  }
  for (const { redis, busPort } of nodes.slice(1)) {
    await on(masters[0], 'CLUSTER', 'MEET', '127.0.0.1', String(redis.port), String(busPort));
  }
  const know = async (redis: TestRedis) => {
    const info = await on(redis, 'CLUSTER', 'INFO');
    return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes.length}`);
  };
  const all = nodes.map(({ redis }) => redis);
  await waitForAll(all, know, 'the nodes to know each other');
  for (const [i, replica] of replicas.entries()) {
    await on(replica, 'CLUSTER', 'REPLICATE', await on(masters[i] as TestRedis, 'CLUSTER', 'MYID'));
  }
  const hasCopy = async (redis: TestRedis) => /link_status:up/.test(await on(redis, 'INFO', 'replication'));
  await waitForAll(replicas, hasCopy, 'the replicas to have copies');
  const knowCopies = async (redis: TestRedis) => {
    const slots = await on<unknown[][]>(redis, 'CLUSTER', 'SLOTS');
    return slots.every((shard) => shard.length === (withReplicas ? 4 : 3));
  };
  await waitForAll(all, knowCopies, 'the nodes to know of the replicas');
  return {
    masters,
    replicas,
    on,
    storeUrl: `redis+cluster://${login}${all.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    groupOn(master) {
      for (;;) {
        const name = uniqueGroup();
        const slot = hashSlot(name);
        if (slot >= firstSlot(master) && slot < firstSlot(master + 1)) return name;
      }
    },
    async failedOver(master) {
      const replica = replicas[master] as TestRedis;
      const isMaster = async () => /^role:master/m.test(await on(replica, 'INFO', 'replication'));
      await waitFor(isMaster, { timeoutMs: 20_000, what: 'the replica to be the master' });
    },
  };
}

/** The masters have the slots in their order. */
function firstSlot(master: number): number {
  return Math.floor((master * SLOTS) / MASTERS);
}

async function nodeHere(password: string | undefined): Promise<{ redis: TestRedis; busPort: number }> {
  const busPort = await freePort();
  const redis = await startRedis({
    args: [
      ...['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-node-timeout', '1500'],
      ...['--cluster-require-full-coverage', 'no', '--repl-diskless-sync-delay', '0'],
      ...['--repl-ping-replica-period', '1'],
      ...(password === undefined ? [] : ['--requirepass', password, '--masterauth', password]),
    ],
  });
  onTestFinished(() => redis.stop());
  return { redis, busPort };
}

async function waitForAll(
  nodes: readonly TestRedis[],
  isSo: (node: TestRedis) => Promise<boolean>,
  what: string,
): Promise<void> {
  for (const node of nodes) await waitFor(() => isSo(node), { timeoutMs: 20_000, what });
}

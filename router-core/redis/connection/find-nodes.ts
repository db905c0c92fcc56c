import type { Redis } from 'ioredis';
import type { Endpoint, StoreUrl } from '../../runtime/store-url.ts';
import { dial } from './dial.ts';
import { SLOTS } from './hash-slot.ts';
import { addressOf } from './login.ts';

/** The slots from `first` to `last`, and the servers that hold their keys. */
export interface Shard {
  readonly first: number;
  readonly last: number;
  readonly master: Endpoint;
  readonly replicas: readonly Endpoint[];
}

/** A server that does not answer within this time, or a little more, is skipped, ms. */
const PATIENCE_MS = 1_000;

/** Asks one server where the masters are now. Rejects with the reason why it gave no answer. */
export type FindShards = (asked: Endpoint) => Promise<Shard[]>;

/** Asks a node of the Cluster, with the login that is also used for the keys. */
export function clusterFinder(url: StoreUrl, token: string | undefined): FindShards {
  return (asked) =>
    askOnce(url.urlOf(asked), token, async (client) => {
      const slots = (await client.call('CLUSTER', 'SLOTS')) as [
        number,
        number,
        ...[string | null, number][],
      ][];
      return slots.map(([first, last, ...nodes]) => {
        // A node that does not know its own address is where it was asked.
        const [master = asked, ...replicas] = nodes.map(([host, port]) => endpoint(host || asked.host, port));
        return { first, last, master, replicas };
      });
    });
}

/** Asks a sentinel. Its one shard has all the keys. */
export function sentinelFinder(url: StoreUrl): FindShards {
  return (asked) =>
    askOnce(url.sentinelUrlOf(asked), undefined, async (client) => {
      const name = url.master;
      const master = (await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)) as
        [string, string] | null;
      if (!master) throw new Error(`the sentinel knows no master ${JSON.stringify(name)}`);
      const replicas = (await client.call('SENTINEL', 'REPLICAS', name)) as string[][];
      return [
        { first: 0, last: SLOTS - 1, master: endpoint(...master), replicas: replicas.flatMap(replicaOf) },
      ];
    });
}

/** Expects the fields and values of a replica. Empty for one that is down: no login needs to be managed there. */
function replicaOf(fields: readonly string[]): Endpoint[] {
  const field = (name: string) =>
    fields[fields.findIndex((each, i) => i % 2 === 0 && each === name) + 1] ?? '';
  return /s_down|disconnected/.test(field('flags')) ? [] : [endpoint(field('ip'), field('port'))];
}

function endpoint(host: string, port: string | number): Endpoint {
  return { host: host.includes(':') && !host.startsWith('[') ? `[${host}]` : host, port: String(port) };
}

/** A client for one question. */
async function askOnce<T>(
  url: string,
  token: string | undefined,
  ask: (client: Redis) => Promise<T>,
): Promise<T> {
  const address = addressOf({ url, token });
  let hangUp = () => {};
  try {
    return await new Promise<T>((resolve, reject) => {
      const { client, ended } = dial({
        address,
        name: 'mini-router:discovery',
        silenceMs: PATIENCE_MS,
        connectMs: PATIENCE_MS,
        onReady: (ready) => void ask(ready).then(resolve, reject),
      });
      hangUp = () => client.disconnect();
      void ended.then(({ reason }) => reject(new Error(reason)));
    });
  } finally {
    hangUp();
  }
}

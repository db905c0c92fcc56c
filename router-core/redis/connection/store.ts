import type { Redis } from 'ioredis';
import { badInput } from '../../runtime/bad-input.ts';
import type { Logger } from '../../runtime/logger.ts';
import { parseStoreUrl } from '../../runtime/store-url.ts';
import type { Connection, Purpose } from './connection.ts';
import { StoreUnavailableError } from '../../exchange/store-unavailable.ts';
import { clusterFinder, sentinelFinder } from './find-nodes.ts';
import { FollowedStore } from './followed-store.ts';
import { hashSlot } from './hash-slot.ts';
import { NodeConnection } from './node-connection.ts';

export interface StoreOptions {
  readonly url: string;
  /** An agent's token to log in with, instead of any user and password in the URL. */
  readonly token?: string | undefined;
  /** How long one blocking read may take, ms. */
  readonly blockMs?: number;
  /** True: connect to every server and replica, not only to those whose keys are used. */
  readonly everyNode?: boolean;
  /** Called when a server that has accepted this login refuses it for good; once for each connection. */
  readonly onRevoked?: (() => void) | undefined;
  readonly log: Logger;
}

/** Redis as one process sees it: one server, one behind sentinels, or a Cluster. */
export interface Store {
  /** Leads to the keys and sharded channels with this hash tag. Returns the same object for the same place. */
  at(tag: string, purpose: Purpose): Connection;
  /** True when any server is connected. */
  readonly isUp: boolean;
  /** Connections to the servers that have keys now. */
  masters(): readonly Connection[];
  /** Connections to their replicas, where only users can be changed. */
  replicas(): readonly Connection[];
  /** Called with each new client for commands, and for replicas if those are followed. */
  onClient(listener: (client: Redis) => void): void;
  /** Ends all connections, or those of one purpose. */
  close(purpose?: Purpose): void;
}

/** Throws for a URL that the settings would have refused. */
export function openStore(options: StoreOptions): Store {
  const { url: text, token, log } = options;
  const url = parseStoreUrl(text);
  if (!url) throw new StoreUnavailableError(false);
  badInput.logTo(log);
  if (url.kind === 'standalone') return new SingleStore(options);
  const shared = { ...options, storeUrl: url, log };
  return url.kind === 'sentinel'
    ? new FollowedStore({ ...shared, find: sentinelFinder(url), slotOf: () => 0 })
    : new FollowedStore({ ...shared, find: clusterFinder(url, token), slotOf: hashSlot });
}

/** One server has all tags. */
class SingleStore implements Store {
  readonly #options: StoreOptions;
  readonly #connections = new Map<Purpose, NodeConnection>();
  #saidElsewhere = false;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  at(_tag: string, purpose: Purpose): Connection {
    let connection = this.#connections.get(purpose);
    if (connection) return connection;
    connection = new NodeConnection({
      ...this.#options,
      purpose,
      onElsewhere: (error) => this.#onElsewhere(error),
    });
    this.#connections.set(purpose, connection);
    return connection;
  }

  get isUp(): boolean {
    return this.#connections.get('commands')?.client !== undefined;
  }

  masters(): readonly Connection[] {
    return [this.at('', 'commands')];
  }

  replicas(): readonly Connection[] {
    return [];
  }

  onClient(listener: (client: Redis) => void): void {
    this.at('', 'commands').onReady(listener);
  }

  close(purpose?: Purpose): void {
    for (const [each, connection] of this.#connections) {
      if (purpose === undefined || purpose === each) connection.close();
    }
  }

  #onElsewhere({ message }: Error): void {
    if (this.#saidElsewhere || !message.startsWith('MOVED')) return;
    this.#saidElsewhere = true;
    this.#options.log.error('this Redis is one node of a Cluster: give its URL as redis+cluster://host:port');
  }
}

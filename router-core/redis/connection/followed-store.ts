import type { Redis } from 'ioredis';
import { createBackoff, sleep } from '../../runtime/backoff.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Endpoint, StoreUrl } from '../../runtime/store-url.ts';
import type { Connection, Purpose } from './connection.ts';
import { CurrentClient } from './current-client.ts';
import type { FindShards, Shard } from './find-nodes.ts';
import { NodeConnection } from './node-connection.ts';
import type { Store } from './store.ts';

export interface FollowedStoreOptions {
  readonly storeUrl: StoreUrl;
  readonly token?: string | undefined;
  readonly blockMs?: number;
  readonly everyNode?: boolean;
  readonly onRevoked?: (() => void) | undefined;
  readonly find: FindShards;
  readonly slotOf: (tag: string) => number;
  readonly log: Logger;
}

/**
 * While all servers are connected, one of them is asked this often for servers that have moved or were added, ms. A process
 * that manages logins on every server must notice new ones before agents want to log in there.
 */
const LOOK_MS = { some: 10_000, all: 1_000 };
/** The shortest pause between two questions, however many commands are redirected, ms. */
const PAUSE_MS = 50;

/** Leads to the current master of one slot. */
interface View {
  readonly slot: number;
  readonly purpose: Purpose;
  readonly current: CurrentClient;
}

/** The use of a connection and its server: one connection of each, whatever number of slots the server has. */
type NodeKey = `${Purpose | 'replica'} ${string}`;

/**
 * A Redis whose masters change: behind sentinels, or a Cluster. It knows which server has which slots, asks when a connection
 * is lost or a command is redirected, and gives each view the client of the server that has its slot now.
 */
export class FollowedStore implements Store {
  readonly #options: FollowedStoreOptions;
  readonly #closing = new AbortController();
  readonly #views = new Map<string, View>();
  readonly #nodes = new Map<NodeKey, NodeConnection>();
  readonly #listeners: ((client: Redis) => void)[] = [];
  readonly #closed = new Set<Purpose>();
  #shards: readonly Shard[] = [];
  #isAsked = new AbortController();
  #saidUnknown = false;

  constructor(options: FollowedStoreOptions) {
    this.#options = options;
    void this.#followForEver();
  }

  at(tag: string, purpose: Purpose): Connection {
    const slot = this.#options.slotOf(tag);
    const key = `${purpose} ${slot}`;
    let view = this.#views.get(key);
    if (!view) {
      view = { slot, purpose, current: new CurrentClient() };
      this.#views.set(key, view);
      this.#lead(view);
    }
    return view.current;
  }

  get isUp(): boolean {
    for (const [key, { client }] of this.#nodes) if (client && key.startsWith('commands ')) return true;
    return false;
  }

  masters(): readonly Connection[] {
    return this.#mastersNow().map((endpoint) => this.#node('commands', endpoint));
  }

  replicas(): readonly Connection[] {
    return this.#replicasNow().map((endpoint) => this.#node('replica', endpoint));
  }

  onClient(listener: (client: Redis) => void): void {
    this.#listeners.push(listener);
    for (const [key, { client }] of this.#nodes) if (client && isForCommands(key)) listener(client);
  }

  close(purpose?: Purpose): void {
    if (purpose === undefined) {
      this.#closing.abort();
      this.#isAsked.abort();
    } else this.#closed.add(purpose);
    const isMeant = (each: string) => purpose === undefined || each === purpose;
    for (const [key, node] of this.#nodes) if (isMeant(key.split(' ')[0] ?? '')) node.close();
    for (const view of this.#views.values()) if (isMeant(view.purpose)) view.current.end();
  }

  async #followForEver(): Promise<void> {
    const { signal } = this.#closing;
    const backoff = createBackoff({ minMs: PAUSE_MS, maxMs: 1_000 });
    const lookMs = this.#options.everyNode ? LOOK_MS.all : LOOK_MS.some;
    for (let turn = 0; !signal.aborted; turn++) {
      // Before the look: an event during it leads to another look.
      this.#isAsked = new AbortController();
      const isKnown = await this.#look(turn);
      const isWell = isKnown && [...this.#nodes.values()].every(({ client }) => client !== undefined);
      if (isWell) backoff.reset();
      await sleep(isWell ? PAUSE_MS : backoff.next(), signal);
      if (isWell) await sleep(lookMs * (0.9 + 0.2 * Math.random()), this.#isAsked.signal);
    }
  }

  /**
   * Asks the servers one after the other, beginning with another one each time, because the answer of a single one may be old.
   * Resolves with false when none has answered.
   */
  async #look(turn: number): Promise<boolean> {
    const { storeUrl, find, log } = this.#options;
    const { kind, endpoints } = storeUrl;
    const known =
      kind === 'cluster' ? [...this.#mastersNow(), ...this.#replicasNow(), ...endpoints] : endpoints;
    const asked = distinct(known);
    let reason = '';
    for (let i = 0; i < asked.length && !this.#closing.signal.aborted; i++) {
      const one = asked[(turn + i) % asked.length] as Endpoint;
      try {
        this.#take(await find(one));
        this.#saidUnknown = false;
        return true;
      } catch (error) {
        reason = `${nameOf(one)}: ${(error as Error).message}`;
      }
    }
    if (!this.#saidUnknown && !this.#closing.signal.aborted) {
      log.warn(
        { reason },
        `no ${kind === 'cluster' ? 'node of the Cluster' : 'sentinel'} answers, trying again`,
      );
    }
    this.#saidUnknown = true;
    return false;
  }

  #take(shards: readonly Shard[]): void {
    if (this.#closing.signal.aborted || shards.length === 0) return;
    const before = this.#mastersNow().map(nameOf);
    this.#shards = shards;
    const masters = this.#mastersNow().map(nameOf);
    const replicas = this.#replicasNow().map(nameOf);
    if (before.length > 0 && masters.join() !== before.join()) {
      this.#options.log.info({ before, masters }, 'Redis has other masters');
    }
    for (const [key, node] of this.#nodes) {
      const [purpose, name = ''] = key.split(' ');
      if ((purpose === 'replica' ? replicas : masters).includes(name)) continue;
      this.#nodes.delete(key);
      node.close();
    }
    for (const view of this.#views.values()) this.#lead(view);
    if (!this.#options.everyNode) return;
    // Asking for a connection dials it.
    this.masters();
    this.replicas();
  }

  /** Gives a view the client of the server that has its slot. */
  #lead({ slot, purpose, current }: View): void {
    if (this.#closed.has(purpose)) return current.end();
    const shard = this.#shards.find(({ first, last }) => first <= slot && slot <= last);
    current.set(shard && this.#node(purpose, shard.master).client);
  }

  #node(purpose: Purpose | 'replica', endpoint: Endpoint): NodeConnection {
    const name = nameOf(endpoint);
    const key: NodeKey = `${purpose} ${name}`;
    const known = this.#nodes.get(key);
    if (known) return known;
    const { storeUrl, token, blockMs, onRevoked, log } = this.#options;
    const isReplica = purpose === 'replica';
    const node: NodeConnection = new NodeConnection({
      url: storeUrl.urlOf(endpoint),
      token,
      blockMs,
      isReplica,
      hasReplicas: true,
      onRevoked,
      purpose: isReplica ? 'commands' : purpose,
      log: log.child({ node: name }),
      onChange: () => this.#onNodeChange(key, node.client),
      onElsewhere: () => this.#isAsked.abort(),
    });
    this.#nodes.set(key, node);
    return node;
  }

  #onNodeChange(key: NodeKey, client: Redis | undefined): void {
    if (this.#closing.signal.aborted) return;
    for (const view of this.#views.values()) this.#lead(view);
    if (client === undefined) this.#isAsked.abort();
    else if (isForCommands(key)) for (const listener of this.#listeners) listener(client);
  }

  #mastersNow(): Endpoint[] {
    return distinct(this.#shards.map(({ master }) => master));
  }

  #replicasNow(): Endpoint[] {
    return distinct(this.#shards.flatMap(({ replicas }) => replicas));
  }
}

function isForCommands(key: NodeKey): boolean {
  return /^(commands|replica) /.test(key);
}

function nameOf({ host, port }: Endpoint): string {
  return `${host}:${port}`;
}

/** Each endpoint once, in the order of the names. */
function distinct(endpoints: readonly Endpoint[]): Endpoint[] {
  const byName = new Map(endpoints.map((each) => [nameOf(each), each]));
  return [...byName.keys()].sort().map((name) => byName.get(name) as Endpoint);
}

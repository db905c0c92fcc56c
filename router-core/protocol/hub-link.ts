import { randomBytes } from 'node:crypto';
import { createBackoff, sleep } from '../runtime/backoff.ts';
import type { Logger } from '../runtime/logger.ts';
import { Connection } from './connection.ts';
import { checkEngine } from './engine.ts';
import { GroupQueue } from './group-queue.ts';
import { Inbox } from './inbox.ts';
import { groupKeys } from './keys.ts';
import { loadScript, runScript } from './scripts.ts';
import { sweepGroup, type SweepReport } from './sweep.ts';
import { sweepMs } from './times.ts';

export interface GroupSettings {
  readonly name: string;
  readonly queueDepth: number;
  /** Requests that may run at once in the whole group; 0 = no limit. */
  readonly concurrency: number;
  readonly leaseMs: number;
}

export interface HubLinkOptions {
  readonly redisUrl: string;
  readonly groups: readonly GroupSettings[];
  readonly log: Logger;
}

const settingsScript = loadScript('settings');

/** What one hub shares with Redis: its connections, its inbox, and a queue per group. */
export class HubLink {
  /** This hub's name in Redis; new with every start. */
  readonly hub = randomBytes(6).toString('hex');
  readonly inbox: Inbox;
  readonly #options: HubLinkOptions;
  readonly #commands: Connection;
  readonly #doorbells: Connection;
  readonly #queues = new Map<string, GroupQueue>();
  readonly #sweeps = new Map<string, SweepReport>();
  readonly #closing = new AbortController();
  #sequence = 0;

  constructor(options: HubLinkOptions) {
    this.#options = options;
    const { redisUrl: url, log } = options;
    this.#commands = new Connection({ url, purpose: 'commands', log });
    this.#doorbells = new Connection({ url, purpose: 'doorbells', log });
    const channels = options.groups.map(({ name }) => groupKeys(name).hubChannel(this.hub));
    this.inbox = new Inbox({ commands: this.#commands, doorbells: this.#doorbells, channels, log });
    for (const group of options.groups) {
      const { name, queueDepth, leaseMs } = group;
      const keys = groupKeys(name);
      const queue = new GroupQueue({
        keys,
        hub: this.hub,
        commands: this.#commands,
        queueDepth,
        leaseMs,
        log,
      });
      this.#queues.set(name, queue);
      void this.#sweepForEver(group, queue);
    }
    this.#commands.onReady((client) => {
      for (const { name, concurrency, leaseMs } of options.groups) {
        // Lost with this connection, written again with the next.
        runScript(
          client,
          settingsScript,
          [groupKeys(name).settings, groupKeys(name).instances],
          [concurrency, leaseMs],
        ).catch(() => undefined);
      }
    });
  }

  /** Waits for Redis and refuses one that would lose requests: rejects with UnsuitableEngineError. */
  async check(): Promise<void> {
    const client = await this.#commands.ready(this.#closing.signal);
    if (client) await checkEngine(client);
  }

  /** Whether requests can be taken: without doorbells replies are late, but they come. */
  get connected(): boolean {
    return this.#commands.client !== undefined;
  }

  /** Whether all is as it should be. */
  get ready(): boolean {
    return this.#commands.client !== undefined && this.inbox.subscribed;
  }

  /** Resolves when requests can be taken, or after `ms`. */
  async settled(ms: number): Promise<void> {
    const until = performance.now() + ms;
    await this.#commands.readyWithin(ms);
    while (this.connected && !this.inbox.subscribed && performance.now() < until)
      await sleep(5, this.#closing.signal);
  }

  queue(group: string): GroupQueue {
    const queue = this.#queues.get(group);
    if (!queue) throw new Error(`group ${group} is not served here`);
    return queue;
  }

  /** What the last sweep of a group found. */
  lastSweep(group: string): Omit<SweepReport, 'recovered'> {
    return this.#sweeps.get(group) ?? { instances: 0, inLine: 0, hubs: 1 };
  }

  /** A request id: unique, and it names its hub. */
  nextId(): string {
    return `${this.hub}-${(this.#sequence++).toString(36)}`;
  }

  close(): void {
    this.#closing.abort();
    this.inbox.stop();
    for (const queue of this.#queues.values()) queue.close();
    this.#doorbells.close();
    this.#commands.close();
  }

  async #sweepForEver(group: GroupSettings, queue: GroupQueue): Promise<void> {
    const { log } = this.#options;
    const { signal } = this.#closing;
    const backoff = createBackoff({ minMs: 200, maxMs: 2_000 });
    while (!signal.aborted) {
      const client = await this.#commands.ready(signal);
      if (!client) return;
      try {
        const report: SweepReport = await sweepGroup({
          client,
          keys: groupKeys(group.name),
          queue,
          hub: this.hub,
          leaseMs: group.leaseMs,
        });
        this.#sweeps.set(group.name, report);
        for (const orphan of report.recovered)
          log.warn({ group: group.name, ...orphan }, 'took a request from a lost agent');
        backoff.reset();
        // Jitter keeps several hubs from sweeping in step.
        await sleep(sweepMs(group.leaseMs) * (0.9 + 0.2 * Math.random()), signal);
      } catch (error) {
        if (!signal.aborted) log.debug({ err: error, group: group.name }, 'sweep failed, trying again');
        await sleep(backoff.next(), signal);
      }
    }
  }
}

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { sleep } from '../../../router-core/runtime/backoff.ts';
import { withRedis } from '../../support/parts.ts';
import type { TestRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/wait.ts';
import { clockMs, openHistory } from '../programs/history.ts';
import type { ClientPlan } from '../programs/plan.ts';
import { checkHistories, type Rules, type Violation } from './check-histories.ts';
import type { Execution, Outcome } from './exchanges.ts';
import { lookAtRedis } from './look-at-redis.ts';
import { Part } from './part.ts';
import { checkRemains, type Remains } from './remains.ts';
import type { RunRecord } from './run-record.ts';
import { startProgram } from './start-program.ts';

export interface WorldParts {
  readonly redis: TestRedis;
  readonly record: RunRecord;
  readonly group: string;
  readonly leaseMs: number;
  readonly deadlineMs: number;
  readonly hubs: readonly Part[];
  readonly agents: readonly Part[];
  readonly upstreams: readonly Part[];
  readonly hubUrls: readonly string[];
  readonly upstreamUrls: readonly string[];
}

export interface Client {
  /** Resolves when every request of the plan has its outcome. */
  readonly done: Promise<void>;
  /** No new requests; resolves when the last one has its outcome. */
  stop(): Promise<void>;
}

/** I5: how long everything may take to go. */
const REMAINS_MS = 30_000;

/** A router with everything around it, for a test to do something to. */
export class World implements WorldParts {
  readonly redis: TestRedis;
  readonly record: RunRecord;
  readonly group: string;
  readonly leaseMs: number;
  readonly deadlineMs: number;
  readonly hubs: readonly Part[];
  readonly agents: readonly Part[];
  readonly upstreams: readonly Part[];
  readonly hubUrls: readonly string[];
  readonly upstreamUrls: readonly string[];
  readonly #clients: (Client & { part: Part })[] = [];
  /** The findings of the checker; undefined until it has run. */
  #violations: readonly Violation[] | undefined;

  constructor(parts: WorldParts) {
    this.redis = parts.redis;
    this.record = parts.record;
    this.group = parts.group;
    this.leaseMs = parts.leaseMs;
    this.deadlineMs = parts.deadlineMs;
    this.hubs = parts.hubs;
    this.agents = parts.agents;
    this.upstreams = parts.upstreams;
    this.hubUrls = parts.hubUrls;
    this.upstreamUrls = parts.upstreamUrls;
    onTestFinished(({ task }) => {
      if (task.result?.state === 'fail') this.#keep();
      else rmSync(this.record.folder, { recursive: true });
    });
  }

  /** Starts a client process. Its requests go to any of the hubs unless the plan names some. */
  async startClient(
    plan: Pick<ClientPlan, 'concurrency' | 'requests'> & Partial<ClientPlan>,
  ): Promise<Client> {
    const name = plan.name ?? `client-${this.#clients.length + 1}`;
    const whole: ClientPlan = { hubs: this.hubUrls, deadlineMs: this.deadlineMs, seed: 1, ...plan, name };
    const file = this.record.clientFile(name);
    const start = () => Promise.resolve(startProgram('client', [file, JSON.stringify(whole)]));
    const part = new Part({ name, start, mayKeep: 0, mayEnd: true });
    await part.start();
    const done = part.process.ended.then(({ code, signal }) => {
      if (code !== 0) throw new Error(`${name} ended with ${signal ?? code}: ${part.process.stderr}`);
    });
    // Whoever waits for it gets the error; nobody may.
    done.catch(() => undefined);
    const client = {
      part,
      done,
      stop: async () => {
        if (!part.hasEnded) await part.kill('SIGTERM');
        await done;
      },
    };
    this.#clients.push(client);
    return client;
  }

  /** Resolves when so many calls run at the upstreams, at least; 0 means none. */
  async waitForRunning(count: number, isMeant: (call: Execution) => boolean = () => true): Promise<void> {
    const running = () => this.record.running().filter(isMeant).length;
    await waitFor(() => (count === 0 ? running() === 0 : running() >= count), {
      what: `${count} calls to run`,
      timeoutMs: 20_000,
    });
  }

  async waitForOutcome(isMeant: (outcome: Outcome) => boolean): Promise<void> {
    await waitFor(() => this.record.outcomes().some(isMeant), { what: 'an outcome', timeoutMs: 20_000 });
  }

  /** Fails unless requests that are sent from now on are answered with 200 again, `count` of them, within `withinMs`. */
  async expectServing(withinMs: number, count = 10): Promise<void> {
    const from = clockMs();
    const served = () => {
      const sentAt = this.record.sentAt();
      const good = this.record.outcomes().filter(({ id, status, how }) => {
        return status === 200 && how === 'answered' && (sentAt.get(id) ?? 0) > from;
      });
      return good.length >= count;
    };
    await waitFor(served, { timeoutMs: withinMs, what: 'requests to be answered again' }).catch(
      (error: unknown) => {
        throw new Error(JSON.stringify(this.record.tally()), { cause: error });
      },
    );
  }

  /** Kills an upstream, and writes down for it that its calls have ended. */
  async killUpstream(index: number): Promise<void> {
    const part = this.upstreams[index];
    if (part === undefined) throw new Error(`there is no upstream ${index}`);
    await part.kill();
    const note = openHistory(join(this.record.folder, `${part.name}.jsonl`));
    const prefix = `${part.process.pid}.`;
    for (const { execution } of this.record.running().filter((each) => each.execution.startsWith(prefix))) {
      note({ event: 'end', at: clockMs(), execution, how: 'died', digest: '' });
    }
  }

  /**
   * Ends the clients, gives everything its time to go, and fails when a promise was broken. Then the histories and what all
   * processes printed stay in a folder that the failure names.
   */
  async expectPromisesKept(rules: Rules = {}): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.stop()));
    const remains = await this.#waitForNothing();
    const { record } = this;
    const evidence = {
      client: record.client(),
      upstream: record.upstream(),
      remains,
      processes: this.#records(),
    };
    const violations = checkHistories(evidence, rules);
    this.#violations = violations;
    if (violations.length === 0) return;
    const first = violations.slice(0, 10).map(({ invariant, what }) => `${invariant}: ${what}`);
    throw new Error(`${violations.length} broken promises, see ${record.folder}\n${first.join('\n')}`);
  }

  /** Resolves with what is left when that is nothing, or when its time is over. */
  async #waitForNothing(): Promise<Remains> {
    const until = clockMs() + REMAINS_MS;
    return withRedis(this.redis.url, async (client) => {
      for (;;) {
        const parts = [...this.hubs, ...this.agents, ...this.upstreams].filter((part) => part.runs);
        const sizes = parts.flatMap((part) => part.sizes());
        const remains = { ...(await lookAtRedis(client, this.group)), sizes };
        const isNothing = checkRemains(remains).length === 0 && this.record.running().length === 0;
        if (isNothing || clockMs() > until) return remains;
        await sleep(100);
      }
    });
  }

  #keep(): void {
    this.record.keep(this.#records(), this.#violations ?? []);
    console.error(`histories and logs: ${this.record.folder}`);
  }

  #records() {
    const parts = [...this.hubs, ...this.agents, ...this.upstreams, ...this.#clients.map(({ part }) => part)];
    return parts.flatMap((part) => part.records());
  }
}

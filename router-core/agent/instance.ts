import type { FieldLines } from '../http/field-lines.ts';
import type { AgentLink, AgentPorts, Grant, InstanceReport, PulledRequest } from '../exchange/agent-link.ts';
import type { Hardware } from '../exchange/hardware.ts';
import { ChurnMap } from '../runtime/churn-map.ts';
import type { Logger } from '../runtime/logger.ts';
import { sleep } from '../runtime/backoff.ts';
import { findTracer } from '../runtime/tracing.ts';
import { packageVersion } from '../runtime/package-info.ts';
import { InstanceCounts, type InstanceState } from './agent-metrics.ts';
import type { AgentIdentity } from './agent.ts';
import type { AgentConfig } from './settings.ts';
import { RunningRequest } from './run-request.ts';
import type { UpstreamTls } from './upstream/dialer.ts';
import { compileHeaderRules } from './upstream/upstream-headers.ts';
import { createUpstream, type Upstream } from './upstream/upstream.ts';
import { watchUpstream, type UpstreamWatch } from './upstream/watch-upstream.ts';

const VERSION = packageVersion();

/** How long joining waits for the first check of the upstream. */
const FIRST_CHECK_MS = 1_000;

export interface InstanceOptions {
  readonly config: AgentConfig;
  readonly upstreamTls: UpstreamTls | undefined;
  readonly identity: AgentIdentity;
  readonly url: string;
  readonly name: string;
  readonly createLink: AgentPorts['createLink'];
  /** The machine, as far as it is known yet and may be told. */
  readonly hardware: () => Hardware | undefined;
  /** The agent record is to drain. */
  readonly onDraining: () => void;
  /** The agent record has another group or other scopes. Called once. */
  readonly onMoved: () => void;
  /** Called while the group does not know the record; resolves with true once the record has another group. */
  readonly awaitMove: (signal: AbortSignal) => Promise<boolean>;
  readonly log: Logger;
}

/** One upstream with its slots: joins a group, pulls requests for its free slots, runs them. */
export class Instance {
  readonly #config: AgentConfig;
  readonly #identity: AgentIdentity;
  readonly #options: InstanceOptions;
  readonly #log: Logger;
  readonly #link: AgentLink;
  readonly #upstream: Upstream;
  readonly #watch: UpstreamWatch;
  readonly #fieldsFor: (fields: FieldLines) => FieldLines;
  readonly #counts = new InstanceCounts();
  readonly #tracer = findTracer();
  readonly #running = new ChurnMap<RunningRequest | undefined>();
  #draining = false;
  #joined = false;
  #saidReady = false;
  /** Aborts when nobody needs to wait for the first check of the upstream. */
  readonly #joining = new AbortController();
  #closed: Promise<void> | undefined;
  /** The last grant of the group. */
  #grant: Grant;
  /** Wakes the pull loop when it waits for a slot or for the upstream. */
  #wake: () => void = () => undefined;
  #pulling: Promise<void> = Promise.resolve();
  /** Aborts when the group knows the record again. */
  #unknown = new AbortController();

  constructor(options: InstanceOptions) {
    const { config, upstreamTls: tls, identity, url, name, createLink, log } = options;
    this.#config = config;
    this.#identity = identity;
    this.#options = options;
    this.#log = log.child({ upstream: url });
    const { connectTimeoutMs, healthPath } = config;
    const { group, concurrency, scopes, record } = identity;
    this.#grant = { slots: concurrency, state: 'active' };
    this.#fieldsFor = compileHeaderRules(config);
    this.#upstream = createUpstream({ url, tls, connectTimeoutMs, healthPath, slots: concurrency });
    this.#link = createLink({
      group,
      scopes,
      record,
      name,
      report: () => this.#report(name),
      onGrant: (grant) => this.#onGrant(grant),
      log: this.#log,
    });
    this.#watch = watchUpstream({
      upstream: this.#upstream,
      always: healthPath !== undefined,
      onChange: () => this.#onUpstreamChange(),
      log,
    });
  }

  /** Resolves when the instance is in its group; it pulls as soon as its upstream can be called. */
  async start(): Promise<void> {
    // The first report should already say if the upstream is up. An upstream that does not answer is not waited for.
    const { signal } = this.#joining;
    await Promise.race([this.#watch.checked, sleep(FIRST_CHECK_MS, signal)]);
    this.#joining.abort();
    const { up } = this.#watch;
    await this.#link.join();
    this.#pulling = this.#pullForEver();
    this.#joined = true;
    if (this.#watch.up !== up) void this.#link.report();
    const { group, concurrency, record } = this.#identity;
    const { reason } = this.#watch;
    this.#log.info(
      { instance: this.#link.instance, group, concurrency, agent: record, upstreamDown: reason },
      'agent has joined its group',
    );
    this.#sayReady();
  }

  /** The inventory of the machine has changed. */
  onHardwareChange(): void {
    if (this.#joined && !this.#draining) void this.#link.report();
  }

  #onUpstreamChange(): void {
    if (!this.#joined) return;
    void this.#link.report();
    this.#wake();
    this.#sayReady();
  }

  /** Logged once, when the upstream can be called for the first time. */
  #sayReady(): void {
    if (this.#saidReady || !this.#watch.up) return;
    this.#saidReady = true;
    this.#log.info({ instance: this.#link.instance }, 'agent ready');
  }

  /** Pulls no more; requeues requests that came in the last moment; the others may finish within `drainMs`, or `mostMs`. */
  close(mostMs = Infinity): Promise<void> {
    return (this.#closed ??= this.#close(Math.min(this.#config.drainMs, mostMs)));
  }

  async #close(drainMs: number): Promise<void> {
    this.#draining = true;
    this.#joining.abort();
    this.#unknown.abort();
    const endAt = performance.now() + drainMs;
    this.#wake();
    // With Redis away there is nobody to report to, and no request can come.
    await Promise.race([this.#link.report(), sleep(Math.min(1_000, drainMs))]);
    const unstarted = await this.#link.stopPulling();
    await this.#pulling;
    for (const request of unstarted) await this.#requeue(request);
    while (this.#running.size > 0 && performance.now() < endAt) await sleep(20);
    for (const running of this.#running.values()) running?.cut();
    this.#watch.close();
    await this.#link.close(Math.max(500, endAt - performance.now()));
    this.#upstream.close();
  }

  get state(): InstanceState {
    const { group, concurrency } = this.#identity;
    const { missedDoorbells } = this.#link;
    const capacity = this.#ready ? Math.min(concurrency, this.#grant.slots) : 0;
    const { up } = this.#watch;
    const { name } = this.#options;
    const inFlight = this.#running.size;
    return { group, name, inFlight, capacity, up, missedDoorbells, counts: this.#counts };
  }

  /** True when new requests are wanted. */
  get #ready(): boolean {
    return this.#watch.up && !this.#draining && this.#grant.state === 'active';
  }

  #report(name: string): { slots: number; report: InstanceReport } {
    const { concurrency, record: agent, tokenId: token } = this.#identity;
    const { labels } = this.#config;
    const inFlight = this.#running.size;
    // While no new requests are wanted, the used slots still count: others derive free slots from the sum.
    const slots = this.#ready ? concurrency : inFlight;
    const report = {
      name,
      version: VERSION,
      concurrency,
      inFlight,
      state: this.#reportedState,
      reason: this.#watch.up ? undefined : this.#watch.reason?.slice(0, 200),
      agent,
      token,
      labels: Object.keys(labels).length > 0 ? labels : undefined,
      hardware: this.#options.hardware(),
    };
    return { slots, report };
  }

  get #reportedState(): InstanceReport['state'] {
    if (this.#draining || this.#grant.state === 'draining') return 'draining';
    if (this.#grant.state !== 'active') return 'paused';
    return this.#watch.up ? 'ready' : 'upstream-down';
  }

  #onGrant(grant: Grant): void {
    const before = this.#grant;
    this.#grant = grant;
    if (this.#draining) return;
    if (grant.slots > before.slots || grant.state !== before.state) this.#wake();
    if (grant.state === before.state) return;
    const { record: agent } = this.#identity;
    this.#unknown.abort();
    if (grant.state === 'unknown') {
      this.#log.warn({ agent }, 'the agent record does not exist; nothing is pulled until it does');
      void this.#lookForMove();
    } else if (grant.state === 'draining' && !this.#joined) {
      this.#log.warn(
        { agent },
        `this agent ends at once, its record drains: router-cli agent resume ${agent}, then start it again`,
      );
    } else this.#log.info({ agent, state: grant.state }, 'the agent record has changed its state');
    // Others see the state at once, and the slots that are offered when it is active again.
    void this.#link.report();
    if (grant.state === 'draining') this.#options.onDraining();
    if (grant.state === 'moved') this.#options.onMoved();
  }

  async #lookForMove(): Promise<void> {
    const { signal } = (this.#unknown = new AbortController());
    if ((await this.#options.awaitMove(signal)) && !signal.aborted) this.#options.onMoved();
  }

  get #free(): number {
    if (!this.#ready) return 0;
    return Math.min(this.#identity.concurrency, this.#grant.slots) - this.#running.size;
  }

  async #pullForEver(): Promise<void> {
    while (!this.#draining) {
      const free = this.#free;
      if (free <= 0) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      // Requests that came for a slot which was taken away meanwhile.
      const unwanted: PulledRequest[] = [];
      await this.#link.pull(free, (request) => {
        if (this.#free > 0) this.#run(request);
        else unwanted.push(request);
      });
      for (const request of unwanted) await this.#requeue(request);
    }
  }

  async #requeue(request: PulledRequest): Promise<void> {
    if (await this.#link.requeue(request, 'unstarted')) this.#counts.requeued += 1;
  }

  #run(request: PulledRequest): void {
    // The slot is taken before the request starts: it may be over before the constructor returns.
    this.#running.set(request.handle, undefined);
    const running = new RunningRequest({
      link: this.#link,
      upstream: this.#upstream,
      request,
      fieldsFor: this.#fieldsFor,
      onUnreachable: async (reason) => {
        this.#watch.markDown(reason);
        await this.#link.report();
      },
      onDone: () => this.#onDone(request),
      counts: this.#counts,
      tracer: this.#tracer,
      log: this.#log,
    });
    if (this.#running.has(request.handle)) this.#running.set(request.handle, running);
  }

  #onDone(request: PulledRequest): void {
    if (!this.#running.delete(request.handle)) return;
    // Reported together with the end of the request; otherwise a waiting request would be handed to the free slot.
    if (!this.#ready) void this.#link.report();
    this.#wake();
  }
}

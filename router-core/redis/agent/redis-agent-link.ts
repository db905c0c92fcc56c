import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Logger } from '../../runtime/logger.ts';
import { badInput } from '../../runtime/bad-input.ts';
import { ChurnMap } from '../../runtime/churn-map.ts';
import { retry } from '../../runtime/retry.ts';
import type {
  AgentExchange,
  AgentLink,
  ExchangeHandlers,
  OwnedRequest,
  RequeueReason,
  PulledRequest,
} from '../../exchange/agent-link.ts';
import type {
  AdoptedRequest,
  AdoptingLink,
  Presented,
  RecordGrant,
  RequestPlace,
} from '../../exchange/relay-link.ts';
import { isScriptMissing, WHEN_CUT, type Connection } from '../connection/connection.ts';
import { checkEngine } from '../connection/engine.ts';
import type { FrameStream } from '../../exchange/frame-stream.ts';
import { Adoptions } from './adoptions.ts';
import { Heartbeat, type Offer } from './heartbeat.ts';
import { heldIn } from './held-requests.ts';
import { Inbox } from '../frames/inbox.ts';
import { groupKeys, type GroupKeys } from '../scripts/keys.ts';
import type { LocalInboxes } from '../frames/local-inboxes.ts';
import { Outbox } from '../frames/outbox.ts';
import { KnownLanes, type LaneKind } from './known-lanes.ts';
import { leaveGroup } from './leave-group.ts';
import { entryOf, type BadEntry } from './pulled-requests.ts';
import { requeueRequest } from './requeue-request.ts';
import { settleBadEntry } from './settle-bad-entry.ts';
import { RecordParts } from './record-parts.ts';
import { RedisAgentExchange, type ExchangeHost } from './redis-agent-exchange.ts';
import { BLOCK_MS, RequestPuller } from './request-puller.ts';
import type { Renewals } from './renewals.ts';
import { loadScript } from '../connection/run-script.ts';
import { openStore, type Store } from '../connection/store.ts';

export interface RedisAgentLinkOptions {
  readonly group: string;
  readonly scopes: readonly string[];
  /** The instance's name starts with it. */
  readonly name: string;
  /** The lanes that it may join. */
  readonly lanes: LaneKind;
  readonly report: () => Offer;
  /** Called whenever the lease is renewed: a grant for each share. */
  readonly onGrants: (grants: readonly RecordGrant[]) => void;
  readonly log: Logger;
  readonly redisUrl: string;
  /** The agent's token, which is its login; without it, the login is in the URL. */
  readonly token?: string | undefined;
  /** Shared by all instances of the process. */
  readonly renewals: Renewals;
  /** The hubs of this process, for a relay. */
  readonly local?: LocalInboxes | undefined;
  /** Called after each beat, with the key of its group's log. A hub that relays for agents keeps its own log elsewhere. */
  readonly keepLog?: ((client: Redis | undefined, key: string, process: string) => void) | undefined;
  /** The login was revoked; called several times. */
  readonly onRevoked?: (() => void) | undefined;
}

const script = loadScript('reply');

/** An instance of a group in Redis: an agent with at most one agent record, or a relay with many. */
export class RedisAgentLink implements AgentLink, AdoptingLink {
  readonly instance: string;
  readonly #keys: GroupKeys;
  readonly #lanes: KnownLanes;
  readonly #store: Store;
  readonly #commands: Connection;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #heartbeat: Heartbeat;
  readonly #parts = new RecordParts();
  readonly #running = new ChurnMap<RedisAgentExchange>();
  /** Entries whose settlement is on its way: they may still be listed as pending, and must not run again. */
  readonly #settling = new ChurnMap<true>();
  readonly #puller: RequestPuller;
  readonly #host: ExchangeHost;
  readonly #adoptions: Adoptions;

  constructor(options: RedisAgentLinkOptions) {
    const { redisUrl: url, token, group, name, onRevoked, log } = options;
    this.instance = `${name}.${randomBytes(4).toString('hex')}`;
    this.#keys = groupKeys(group);
    const lanes = (this.#lanes = new KnownLanes(this.#keys, options.scopes, options.lanes));
    const store = (this.#store = openStore({ url, token, blockMs: BLOCK_MS, onRevoked, log }));
    this.#commands = store.at(group, 'commands');
    this.#inbox = new Inbox({ store, onNudge: () => void this.report(), log });
    this.#inbox.listen(this.#keys.instanceChannel(this.instance));
    this.#heartbeat = new Heartbeat({
      connection: this.#commands,
      keys: this.#keys,
      lanes,
      instance: this.instance,
      parts: this.#parts,
      report: options.report,
      onGrants: options.onGrants,
      held: heldIn(this.#running),
      renewals: options.renewals,
      onBeat: () => options.keepLog?.(this.#commands.client, this.#keys.log, this.instance),
      log,
    });
    this.#puller = new RequestPuller({
      blocking: store.at(group, 'blocking'),
      commands: this.#commands,
      keys: this.#keys,
      lanes,
      instance: this.instance,
      redisNow: () => this.#heartbeat.redisNow(),
      known: () => this.#knownEntries(),
      adopting: () => this.#adoptions.ids(),
      rejoin: () => this.report(),
      onBad: (bad) => bad.forEach((each) => this.#settleBad(each)),
      log,
    });
    this.#outbox = this.#createOutbox(options);
    this.#host = {
      keys: this.#keys,
      send: (stream) => this.#outbox.add(stream),
      settling: (entry) => this.#settling.set(entry, true),
      dropped: (exchange) => this.#drop(exchange),
      abandoned: (request) => void this.#leaveToHub(request),
    };
    this.#adoptions = new Adoptions({
      connection: this.#commands,
      host: this.#host,
      instance: this.instance,
      lanes,
      heartbeat: this.#heartbeat,
      has: (id) => this.#running.has(id),
      onAdopted: (exchange) => this.#hold(exchange),
      log,
    });
  }

  /** Where the keys of its group are now. */
  get client(): Redis | undefined {
    return this.#commands.client;
  }

  #createOutbox({ local, log }: RedisAgentLinkOptions): Outbox {
    return new Outbox({
      connection: this.#commands,
      script,
      groupInput: () => this.#lanes.script,
      args: () => [this.#heartbeat.streamTtlMs],
      inFlight: () => this.#running.size,
      local,
      onRefused: (stream) => this.#onRefused(stream),
      onSettled: (settlements) => {
        for (const { entry: settled } of settlements) this.#settling.delete(settled);
      },
      log,
    });
  }

  get missedDoorbells(): number {
    return this.#inbox.missedDoorbells;
  }

  async join(): Promise<void> {
    for (;;) {
      const client = await this.#commands.ready();
      try {
        if (client) {
          await checkEngine(client);
          await this.#lanes.join(client, this.instance, this.#heartbeat.leaseMs);
        }
        await this.#heartbeat.beat();
        return this.#heartbeat.start();
      } catch (error) {
        // No hub and no router-api of this version was here yet. missing-scripts.ts has logged it.
        if (!isScriptMissing(error)) throw error;
      }
    }
  }

  async report(): Promise<void> {
    // When Redis is away the next heartbeat reports.
    await this.#heartbeat.beat().catch(() => undefined);
  }

  pull(max: number, take: (request: PulledRequest) => void): Promise<void> {
    return this.#puller.pull(max, take);
  }

  async stopPulling(): Promise<PulledRequest[]> {
    this.#puller.stop();
    this.#store.close('blocking');
    const client = this.#commands.client;
    return client ? this.#puller.readPending(client).catch(() => []) : [];
  }

  open(request: PulledRequest, handlers: ExchangeHandlers): AgentExchange {
    const exchange = new RedisAgentExchange(request, handlers, this.#host);
    this.#hold(exchange);
    return exchange;
  }

  placeOf(request: OwnedRequest): RequestPlace {
    const { id, attempt } = request;
    return { relay: this.instance, id, attempt, place: `${this.#lanes.own} ${entryOf(request)}` };
  }

  adopt(from: RequestPlace, presented: Presented): Promise<AdoptedRequest | undefined> {
    return this.#adoptions.adopt(from, presented);
  }

  /** See requeue.lua. */
  async requeue(request: OwnedRequest, why: RequeueReason | 'abandoned', detail = ''): Promise<boolean> {
    const input = {
      keys: this.#keys,
      group: this.#lanes.script,
      instance: this.instance,
      request,
      why,
      detail,
    };
    // After the lease the sweep has found the request.
    const signal = AbortSignal.timeout(Math.ceil(this.#heartbeat.leaseMs));
    const call = async (): Promise<boolean> => {
      const client = await this.#commands.ready(signal);
      return client !== undefined && (await requeueRequest(client, input));
    };
    // Asked again after a cut, the script answers 1 when the first call went through. A refusal of the server is final.
    const isDone = await retry(call, { signal, ...WHEN_CUT }).catch(() => false);
    return isDone === true;
  }

  async close(timeoutMs: number): Promise<void> {
    await this.#outbox.drained(AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs))));
    this.#adoptions.close();
    this.#heartbeat.close();
    this.#inbox.stop();
    const client = this.#commands.client;
    const rows = this.#parts.rowsOf(this.instance);
    const input = { keys: this.#keys, group: this.#lanes.script, rows };
    // When Redis is away the lease ends by itself.
    if (client) await leaveGroup(client, input).catch(() => undefined);
    this.#outbox.close();
    this.#store.close();
  }

  /** Its hub may only have stood still: it finds the end of this attempt, or gets the request back. */
  async #leaveToHub(request: OwnedRequest): Promise<void> {
    const entry = entryOf(request);
    this.#settling.set(entry, true);
    await this.requeue(request, 'abandoned');
    this.#settling.delete(entry);
  }

  #hold(exchange: RedisAgentExchange): void {
    this.#running.set(exchange.id, exchange);
    this.#inbox.open(exchange.reader);
  }

  #drop(exchange: RedisAgentExchange): void {
    this.#inbox.close(exchange.reader);
    // A requeued request may already be here again: then the id belongs to its next attempt.
    if (this.#running.get(exchange.id) === exchange) this.#running.delete(exchange.id);
  }

  /**
   * Nobody awaits the reply: its hub has removed the stream, or the sweep has taken the request and fenced it. The request is
   * settled, which changes nothing when another instance has it. If it stayed pending, it would run again when this instance
   * drains or its lease ends, although it was executed.
   */
  #onRefused(stream: FrameStream): void {
    const running = this.#running.get(stream.id);
    if (running?.reply !== stream) return;
    stream.refused();
    running.onTaken('over');
  }

  #settleBad(bad: BadEntry): void {
    if (this.#settling.get(bad.entry)) return;
    badInput.note('entry', this.#keys.lane(this.#lanes.own));
    settleBadEntry(bad, this.#host);
  }

  *#knownEntries(): Iterable<string> {
    for (const { entry } of this.#running.values()) yield entry;
    yield* this.#settling.keys();
  }
}

import { sleep } from '../../runtime/backoff.ts';
import type { Logger } from '../../runtime/logger.ts';
import { retry } from '../../runtime/retry.ts';
import type { OwnedRequest, RequestHandle } from '../../exchange/agent-link.ts';
import type { AdoptedRequest, Presented, RequestPlace } from '../../exchange/relay-link.ts';
import { WHEN_CUT, type Connection } from '../connection/connection.ts';
import { adoptRequest, type AdoptOutcome } from './adopt-request.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { KnownLanes } from './known-lanes.ts';
import { RedisAgentExchange, type ExchangeHost } from './redis-agent-exchange.ts';
import { BEGINNING, Resumption } from './resumption.ts';

export interface AdoptionsOptions {
  readonly connection: Connection;
  readonly host: ExchangeHost;
  readonly instance: string;
  readonly lanes: Pick<KnownLanes, 'own'>;
  readonly heartbeat: Pick<Heartbeat, 'leaseMs' | 'redisNow'>;
  /** True for a request that this instance has. */
  readonly has: (id: string) => boolean;
  /** From now on its lease is to be renewed and its frames read. */
  readonly onAdopted: (exchange: RedisAgentExchange) => void;
  readonly log: Logger;
}

type Adopted = Extract<AdoptOutcome, { outcome: 'adopted' }>;

/** An agent presents a request once for each link that it loses: more adoptions than this, one after the other, are made up. */
const MOST_STEPS = 64;

/** Pause before a relay whose lane is full of requests that nobody has pulled is asked again. */
const BUSY_MS = 20;

/** Takes requests from other relays, for agents that have come from there. */
export class Adoptions {
  readonly #options: AdoptionsOptions;
  readonly #closing = new AbortController();
  /** Requests that are being asked for: the answer that they are ours may be lost on its way. */
  readonly #asked = new Set<string>();

  constructor(options: AdoptionsOptions) {
    this.#options = options;
  }

  ids(): Iterable<string> {
    return this.#asked;
  }

  async adopt(from: RequestPlace, presented: Presented): Promise<AdoptedRequest | undefined> {
    const { id } = from;
    const { have } = presented;
    if (this.#asked.has(id) || this.#options.has(id)) return undefined;
    this.#asked.add(id);
    let exchange: RedisAgentExchange;
    let resumption: Resumption;
    let request: OwnedRequest;
    try {
      const adopted = await this.#find(from, presented);
      if (!adopted) return undefined;
      request = this.#requestOf(adopted);
      resumption = this.#resumption(adopted, have);
      exchange = new RedisAgentExchange(request, resumption, this.#options.host, resumption);
      this.#options.onAdopted(exchange);
    } finally {
      this.#asked.delete(id);
    }
    const point = await resumption.point;
    if (!point) {
      this.#options.log.info({ id, why: resumption.fault ?? 'it is over' }, 'could not go on with a request');
      if (resumption.fault === undefined) exchange.reply.close();
      else exchange.reply.fail('agent-lost', resumption.fault);
      return undefined;
    }
    const { received, sent } = point;
    this.#options.log.info({ id, from: from.relay, received, sent, have }, 'adopted a request');
    exchange.reply.credited(point.upTo - received);
    const open: AdoptedRequest['open'] = (handlers) => {
      exchange.resume(handlers, point, have);
      return exchange;
    };
    return { request, point, open };
  }

  close(): void {
    this.#closing.abort();
  }

  /** Follows a request from relay to relay. */
  async #find(from: RequestPlace, presented: Presented): Promise<Adopted | undefined> {
    const { instance } = this.#options;
    const { turn } = presented;
    let at = from;
    for (let steps = 0; steps < MOST_STEPS; steps++) {
      const found = await this.#ask(at, presented);
      if (found?.outcome === 'adopted') return found;
      if (found?.outcome !== 'continued') return undefined;
      // An agent that has asked later than this, or somebody else in its name, has it.
      if (found.turn > turn || (found.turn === turn && found.to.relay !== instance)) return undefined;
      at = found.to;
    }
    return undefined;
  }

  /** Undefined when nobody can say. */
  async #ask(from: RequestPlace, presented: Presented): Promise<AdoptOutcome | undefined> {
    const { connection, host, instance, lanes, log } = this.#options;
    const { signal } = this.#closing;
    const ask = async (): Promise<AdoptOutcome | undefined> => {
      for (;;) {
        const client = await connection.ready(signal);
        if (!client) return undefined;
        const input = { keys: host.keys, instance, lane: lanes.own, from, presented };
        const found = await adoptRequest(client, input);
        if (found.outcome !== 'busy') return found;
        await sleep(BUSY_MS, signal);
      }
    };
    // Asked again after a cut, it answers the same when the first call went through.
    return retry(ask, { signal, ...WHEN_CUT }).catch((error: unknown) => {
      log.warn({ err: error, id: from.id }, 'could not adopt a request');
      return undefined;
    });
  }

  #requestOf({ entry, meta }: Adopted): OwnedRequest {
    const { id, attempt, hub, deadline } = meta;
    const remainingMs = deadline - this.#options.heartbeat.redisNow();
    return { id, attempt, hub, remainingMs, handle: entry as RequestHandle };
  }

  #resumption({ meta, begun }: Adopted, have: number): Resumption {
    const { leaseMs: timeoutMs } = this.#options.heartbeat;
    return new Resumption({ attempt: meta.attempt, have, point: begun ? undefined : BEGINNING, timeoutMs });
  }
}

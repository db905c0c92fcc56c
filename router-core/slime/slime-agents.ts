import type { Logger } from '../runtime/logger.ts';
import type { Relay } from '../websocket/hub/relay.ts';
import { SlimeAgent } from './slime-agent.ts';
import type { SlimeIdentity } from './slime-identities.ts';
import type { SlimeRequest } from './slime-request.ts';

/** An agent of which nothing is here any more is forgotten after so long, ms. */
const FORGET_MS = 60_000;
/** Ids that one token may use at one hub. */
const MOST_IDS = 1_024;

/** The agents of slime that are known here, by token and id, and the requests that they have. */
export class SlimeAgents {
  readonly #log: Logger;
  /** By the id of the token, then by their own. */
  readonly #byToken = new Map<string, Map<string, SlimeAgent>>();
  /** The requests whose replies agents may submit, by ticket. */
  readonly #requests = new Map<string, { readonly request: SlimeRequest; readonly agent: SlimeAgent }>();

  constructor(log: Logger) {
    this.#log = log;
  }

  *all(): Iterable<SlimeAgent> {
    for (const agents of this.#byToken.values()) yield* agents.values();
  }

  get running(): number {
    return this.#requests.size;
  }

  request(ticket: string): { readonly request: SlimeRequest; readonly agent: SlimeAgent } | undefined {
    return this.#requests.get(ticket);
  }

  find({ identity }: SlimeIdentity, id: string): SlimeAgent | undefined {
    return this.#byToken.get(identity.tokenId)?.get(id);
  }

  /** Undefined when the token has as many ids as it may. */
  of(about: SlimeIdentity, id: string, relay: Relay): SlimeAgent | undefined {
    const known = this.find(about, id);
    if (known) return known;
    const { tokenId } = about.identity;
    const agents = this.#byToken.get(tokenId) ?? new Map<string, SlimeAgent>();
    if (agents.size >= MOST_IDS) return undefined;
    this.#byToken.set(tokenId, agents);
    const agent = this.#create(about, id, relay);
    agents.set(id, agent);
    return agent;
  }

  forget(agent: SlimeAgent): void {
    const { tokenId } = agent.identity;
    const agents = this.#byToken.get(tokenId);
    if (agents?.get(agent.id) !== agent) return;
    agents.delete(agent.id);
    if (agents.size === 0) this.#byToken.delete(tokenId);
    agent.leave();
    this.#log.info({ instance: agent.instance }, 'an agent of slime was not heard of, it is forgotten');
  }

  /** Forgets those of which nothing is left. */
  forgetGone(): void {
    const before = performance.now() - FORGET_MS;
    for (const agent of [...this.all()]) if (agent.isGone && agent.heardAt < before) this.forget(agent);
  }

  #create(about: SlimeIdentity, id: string, relay: Relay): SlimeAgent {
    const agent: SlimeAgent = new SlimeAgent({
      about,
      id,
      relay,
      onRequest: (request, isOut) => {
        if (isOut) this.#requests.set(request.ticket, { request, agent });
        else this.#requests.delete(request.ticket);
      },
    });
    return agent;
  }
}

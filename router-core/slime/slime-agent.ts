import { randomBytes } from 'node:crypto';
import type { AgentLink, ExchangeHandlers, Grant, PulledRequest } from '../exchange/agent-link.ts';
import type { Hardware } from '../exchange/hardware.ts';
import type { AgentIdentity } from '../websocket/hub/agent-directory.ts';
import type { Adoption, Relay } from '../websocket/hub/relay.ts';
import type { RelayAgent } from '../websocket/hub/relay-agent.ts';
import type { RelayedRequest } from '../websocket/hub/relayed-request.ts';
import { PendingAccept } from './pending-accept.ts';
import type { Call } from './slime-calls.ts';
import type { SlimeIdentity } from './slime-identities.ts';
import { SlimeRequest, type SlimeRequestOptions } from './slime-request.ts';
import { WorkerCount } from './worker-count.ts';

export interface SlimeAgentOptions {
  readonly about: SlimeIdentity;
  /** Its `slime-agent-id`. */
  readonly id: string;
  readonly relay: Pick<Relay, 'reportSoon' | 'wake' | 'remove'>;
  /** A worker may submit the reply to this request from now on, or not any more. */
  readonly onRequest: (request: SlimeRequest, isOut: boolean) => void;
}

/** A worker that has submitted, or was sent away, is expected back within so long, ms: until then its slot counts. */
const RETURN_MS = 1_000;

/** All workers that use one token and one id: each accept is a slot. */
export class SlimeAgent implements RelayAgent {
  readonly about: SlimeIdentity;
  readonly id: string;
  readonly name: string;
  readonly instance: string;
  readonly workers = new WorkerCount();
  readonly roundTripMs = undefined;
  readonly takes: ((request: PulledRequest) => boolean) | undefined;
  grant: Grant = { slots: 0, state: 'active' };
  heardAt = performance.now();
  /** As it says itself. */
  hardware: Hardware | undefined;
  readonly #options: SlimeAgentOptions;
  readonly #waiting: PendingAccept[] = [];
  /** Slots whose workers are expected back. */
  readonly #returning: NodeJS.Timeout[] = [];
  /** Requests that wait for such a worker. */
  readonly #held: SlimeRequest[] = [];
  readonly #requests = new Set<SlimeRequest>();
  /** Ticket of the last request whose worker came back without a reply. */
  #givenUp: string | undefined;

  constructor(options: SlimeAgentOptions) {
    const { about, id } = (this.#options = options);
    this.about = about;
    this.id = id;
    this.name = `${about.name}-${id}`;
    this.instance = `${this.name}.${randomBytes(4).toString('hex')}`;
    const { paths } = about;
    if (paths.length > 0) this.takes = ({ head }) => paths.includes(pathOf(head.target));
  }

  get identity(): AgentIdentity {
    return this.about.identity;
  }

  get holder(): string {
    return this.about.holder;
  }

  get running(): number {
    return this.#requests.size;
  }

  requests(): Iterable<SlimeRequest> {
    return this.#requests;
  }

  get #slots(): number {
    return this.#waiting.length + this.#returning.length + this.#requests.size - this.#held.length;
  }

  get offer(): RelayAgent['offer'] {
    const slots = this.#slots;
    const { running: inFlight, hardware } = this;
    const report = { version: 'slime', concurrency: slots, inFlight, state: 'ready' as const, hardware };
    return { slots, report };
  }

  get free(): number {
    return Math.min(this.#slots, this.grant.slots) - this.#requests.size;
  }

  /** How many calls are open for it. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Nothing of it is here: it may be forgotten. */
  get isGone(): boolean {
    return this.#slots === 0 && this.#requests.size === 0;
  }

  tell(grant: Grant): void {
    this.grant = grant;
  }

  run(link: AgentLink, request: PulledRequest, ticket: string): void {
    const open = (handlers: ExchangeHandlers) => link.open(request, handlers);
    const { method } = request.head;
    const relayed = this.#add({ link, request, pulled: request, open, method, ticket });
    const accept = this.#waiting.shift();
    if (!accept) this.#held.push(relayed);
    relayed.check();
    if (accept && !relayed.isOver) relayed.deliver(accept.take());
    else if (accept) this.#waiting.unshift(accept);
  }

  /** One of its workers has come from another hub with the reply to this request. */
  takeOver({ link, adopted }: Adoption, ticket: string, method: string): SlimeRequest {
    const { request, point } = adopted;
    const open = (handlers: ExchangeHandlers) => adopted.open(handlers);
    const relayed = this.#add({ link, request, pulled: undefined, open, method, ticket });
    relayed.takeOver(point);
    this.#options.relay.reportSoon();
    return relayed;
  }

  #add(about: Omit<SlimeRequestOptions, 'agent' | 'onOver'>): SlimeRequest {
    const { onRequest, relay } = this.#options;
    const relayed = new SlimeRequest({
      ...about,
      agent: this,
      onOver: (over, comesBack) => {
        if (!this.#requests.delete(over)) return;
        onRequest(over, false);
        remove(this.#held, over);
        if (comesBack) this.#expectBack();
        else relay.reportSoon();
        relay.wake();
      },
    });
    this.#requests.add(relayed);
    onRequest(relayed, true);
    return relayed;
  }

  /** A worker asks for a request. */
  accept(call: Call): void {
    this.heardAt = performance.now();
    this.#lookForLost(call);
    const back = this.#returning.shift();
    clearTimeout(back);
    const held = this.#held.shift();
    if (held) return held.deliver(call);
    this.#waiting.push(
      new PendingAccept({
        call,
        onOver: (accept, comesBack) => {
          remove(this.#waiting, accept);
          if (comesBack) this.#expectBack();
          else this.#options.relay.reportSoon();
        },
      }),
    );
    if (back) this.#options.relay.wake();
    else this.#options.relay.reportSoon();
  }

  /** Its token is not good any more, or this hub gives it nothing new: those who wait are sent elsewhere. */
  turnAway(): void {
    for (const accept of [...this.#waiting]) accept.turnAway();
    for (const timer of this.#returning.splice(0)) clearTimeout(timer);
    for (const held of this.#held.splice(0))
      void held.lose('agent-lost', 'its agent may not run it any more');
    this.#options.relay.reportSoon();
  }

  /** Its requests are over, whatever it says later. */
  end(why: string): void {
    this.turnAway();
    for (const request of [...this.#requests]) void request.lose('agent-lost', why);
  }

  /** A reply to a request that is over: was it given up, another worker than its own had come back. */
  cameLate(ticket: string): void {
    if (ticket === this.#givenUp) this.workers.shared();
  }

  /** It is not known any more. */
  leave(): void {
    this.#options.relay.remove(this, 0);
  }

  /** There is no link that could be lost. */
  detach(): RelayedRequest[] {
    return [];
  }

  /** A worker that asks for the next request without having answered the last one could not reach its upstream. */
  #lookForLost({ request }: Call): void {
    const out = [...this.#requests].filter(({ isOut }) => isOut);
    const isBack = this.workers.isComeback(request, { waiting: this.#waiting.length, out: out.length });
    const [lost] = out;
    if (!isBack || !lost) return;
    this.#givenUp = lost.ticket;
    void lost.lose('upstream-failed', 'the agent came back without a reply: it may not reach its upstream');
  }

  #expectBack(): void {
    const timer = setTimeout(() => {
      remove(this.#returning, timer);
      if (this.#held.length > this.#returning.length)
        void this.#held.pop()?.lose('agent-lost', 'no worker of its agent came back');
      this.#options.relay.reportSoon();
    }, RETURN_MS);
    this.#returning.push(timer);
  }
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}

/** `target` is in origin form. */
function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

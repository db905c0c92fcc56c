import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Logger } from '../../runtime/logger.ts';
import { LINK_CHANNEL, LINK_PROTOCOL_VERSION, MESSAGE, type LinkMessage } from '../wire/link-message.ts';
import { LinkFault, LinkSocket } from '../wire/link-socket.ts';
import type { AgentIdentity } from './agent-directory.ts';
import { HELLO_MS, MOST_INSTANCE_SLOTS } from './link-limits.ts';
import { MessageBudget, OFFER_COST } from './message-budget.ts';
import { readJson } from '../wire/read-parts.ts';
import { helloSchema, type Hello } from './link-schemas.ts';
import { LinkedAgent } from './linked-agent.ts';
import type { Presented } from '../../exchange/relay-link.ts';
import type { Relay } from './relay.ts';
import type { RelayedRequest } from './relayed-request.ts';
import type { Ticket } from './tickets.ts';
import type { Relays } from './relays.ts';

export interface GreetingOptions {
  readonly ws: WebSocket;
  readonly stream: Duplex;
  readonly identity: AgentIdentity;
  readonly hub: { readonly id: string; readonly host: string };
  readonly relays: Relays;
  /** Lease of the agent's group. */
  readonly leaseMs: () => number;
  /** The link is closed. */
  readonly onOver: () => void;
  readonly log: Logger;
}

const TOO_MANY = 'more messages than any agent has to say';

/** A link from its first byte to its last: hello, welcome, what the agent comes back with, and what is left when it goes. */
export class Greeting {
  readonly #options: GreetingOptions;
  readonly #socket: LinkSocket;
  readonly #helloDue: NodeJS.Timeout;
  readonly #budget = new MessageBudget();
  #isGreeted = false;
  #agent: LinkedAgent | undefined;
  #relay: Relay | undefined;

  constructor(options: GreetingOptions) {
    this.#options = options;
    this.#socket = new LinkSocket({
      ws: options.ws,
      stream: options.stream,
      side: 'hub',
      onMessage: (message) => this.#onMessage(message),
      isIdle: () => !this.#agent || this.#agent.running === 0,
      onRefuse: (code) => options.relays.counts.refuse(code),
      onClose: (why) => this.#onClose(why),
    });
    options.ws.on('ping', () => {
      if (!this.#budget.take()) this.#socket.refuse('limit', TOO_MANY);
    });
    this.#helloDue = setTimeout(() => this.#socket.refuse('protocol', 'no hello came'), HELLO_MS);
  }

  end(why: string): void {
    this.#socket.close(why);
  }

  #onMessage(message: LinkMessage): void {
    const cost = message.type === MESSAGE.offer ? OFFER_COST : 1;
    if (!this.#budget.take(cost)) throw new LinkFault('limit', TOO_MANY);
    if (this.#agent) return this.#agent.onMessage(message);
    if (message.type !== MESSAGE.hello || this.#isGreeted)
      throw new LinkFault('protocol', 'the first message must be a hello');
    clearTimeout(this.#helloDue);
    this.#isGreeted = true;
    void this.#join(readJson(helloSchema, message.json));
  }

  async #join(hello: Hello): Promise<void> {
    const { identity, relays, hub, leaseMs, log } = this.#options;
    try {
      if (hello.former !== undefined) relays.replace(hello.former, identity);
      const relay = await relays.of(identity);
      if (this.#socket.closed) return;
      const agent = this.#enter(hello, relay);
      await relay.add(agent);
      if (this.#socket.closed) return;
      const limits = { slots: MOST_INSTANCE_SLOTS };
      const { group, scopes, record } = identity;
      agent.welcome({ protocol: LINK_PROTOCOL_VERSION, hub, leaseMs: leaseMs(), limits, group, scopes });
      this.#takeBack(hello, agent, relay);
      log.info({ instance: agent.instance, group, agent: record }, 'an agent is linked to this hub');
    } catch (error) {
      log.warn({ err: error, group: identity.group }, 'an agent could not be linked');
      this.#socket.refuse('link-refused', 'this hub cannot join the group now', 2_000);
    }
  }

  #enter(hello: Hello, relay: Relay): LinkedAgent {
    const { identity, relays, leaseMs } = this.#options;
    const agent = new LinkedAgent({
      socket: this.#socket,
      identity,
      hello,
      leaseMs: leaseMs(),
      onOffer: () => relay.answer(agent),
      onFree: () => relay.wake(),
      onUnreached: () => relay.reportSoon(),
    });
    relays.agents.add(agent);
    relays.counts.opened += 1;
    this.#relay = relay;
    this.#agent = agent;
    return agent;
  }

  /** The agent goes on with what it had on its former link, here or at another hub. */
  #takeBack({ present, former, turn }: Hello, agent: LinkedAgent, relay: Relay): void {
    for (const { ticket: signed, have } of present) {
      const ticket = relay.read(signed, agent);
      const request = ticket && relay.away.take(ticket.id, (away) => away.request.isFor(signed));
      if (request) {
        if (!agent.resume(request, signed, have)) this.#dropped(signed, request);
        agent.returned();
      } else void this.#adopt(signed, ticket, agent, relay, { turn, have });
    }
    if (former !== undefined) relay.away.forget(former, agent.holder);
    relay.wake();
  }

  async #adopt(
    signed: string,
    ticket: Ticket | undefined,
    agent: LinkedAgent,
    relay: Relay,
    presented: Omit<Presented, 'record'>,
  ): Promise<void> {
    const record = agent.holder;
    const goesOn = ticket && (await relay.takeOver(signed, ticket, agent, { ...presented, record }));
    if (goesOn) this.#options.relays.counts.adopted += 1;
    else this.#dropped(signed);
    agent.returned();
  }

  #dropped(ticket: string, request?: RelayedRequest): void {
    const why = 'it is over, or was given to another agent';
    this.#socket.send(MESSAGE.gone, LINK_CHANNEL, { ticket, why });
    void request?.lose(true, 'its agent came back without a part of it');
  }

  #onClose(why: string): void {
    const { relays, log, leaseMs, onOver } = this.#options;
    clearTimeout(this.#helloDue);
    onOver();
    const agent = this.#agent;
    if (!agent) return;
    relays.agents.delete(agent);
    this.#relay?.remove(agent, leaseMs());
    log.info({ instance: agent.instance, why }, 'the link of an agent has ended');
  }
}

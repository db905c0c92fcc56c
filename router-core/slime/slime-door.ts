import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ConfigState } from '../config/config-state.ts';
import type { ServedSettings } from '../config/group-settings.ts';
import { sleep } from '../runtime/backoff.ts';
import type { Logger } from '../runtime/logger.ts';
import { AgentDirectory } from '../websocket/hub/agent-directory.ts';
import type { AgentDoor } from '../websocket/hub/agent-door.ts';
import type { LinkCounts } from '../websocket/hub/link-counts.ts';
import { MOST_INSTANCE_SLOTS } from '../websocket/hub/link-limits.ts';
import type { Ticket } from '../websocket/hub/tickets.ts';
import { readHardware } from './hardware.ts';
import {
  answer,
  callKind,
  fieldOf,
  REFUSALS,
  type Call,
  type CallKind,
  type RefusalCode,
} from './slime-calls.ts';
import { readConnectionId } from './request-message.ts';
import type { SlimeAgent } from './slime-agent.ts';
import { SlimeAgents } from './slime-agents.ts';
import { SlimeIdentities, type SlimeIdentity } from './slime-identities.ts';
import type { SlimeRequest } from './slime-request.ts';
import { SlowRefusals } from './slow-refusals.ts';

export interface SlimeDoorOptions {
  /** The door of linked agents, whose relays are used. */
  readonly beside: AgentDoor;
  /** The secret of slime's hub; undefined when its own tokens do not count. */
  readonly secret: string | undefined;
  /** Where agents with slime's own tokens belong. */
  readonly group: string;
  readonly log: Logger;
}

const AGENT_ID = /^\d{1,20}$/;
const LOOK_EVERY_MS = 500;

/** Where agents of slime come in, by slime's own calls. All else is for the door beside it. */
export class SlimeDoor {
  readonly #options: SlimeDoorOptions;
  readonly #identities: SlimeIdentities;
  readonly #agents: SlimeAgents;
  readonly #refusals = new SlowRefusals();
  readonly #looking: NodeJS.Timeout;
  #directory: AgentDirectory | undefined;
  #draining = false;

  constructor(options: SlimeDoorOptions) {
    this.#options = options;
    this.#identities = new SlimeIdentities(options);
    this.#agents = new SlimeAgents(options.log);
    this.#looking = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  serve(state: ConfigState, groups: readonly ServedSettings[]): void {
    this.#options.beside.serve(state, groups);
    this.#directory = AgentDirectory.of(state);
    this.#look();
  }

  get links(): number {
    return this.#options.beside.links;
  }

  get counts(): LinkCounts {
    return this.#options.beside.counts;
  }

  takes(request: IncomingMessage): boolean {
    return callKind(request) !== undefined || this.#options.beside.takes(request);
  }

  onRequest(request: IncomingMessage, response: ServerResponse): void {
    const kind = callKind(request);
    if (!kind) return this.#options.beside.onRequest(request, response);
    const call = { request, response };
    const id = fieldOf(request, 'slime-agent-id');
    const about = this.#identify(request);
    if (typeof about === 'string') return this.#refusals.refuse(call, about);
    if (!AGENT_ID.test(id)) return this.#refusals.refuse(call, 'bad-id');
    if (kind !== 'submit' && this.#draining) return this.#refusals.refuse(call, 'shutting-down');
    this.#take(kind, call, about, id).catch((error: unknown) => {
      this.#options.log.error(
        { err: error },
        'a fault in this hub has ended a call of slime; this should be reported',
      );
      request.socket.destroy();
    });
  }

  onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#options.beside.onUpgrade(request, socket, head);
  }

  sayAway(ms: number): void {
    this.#options.beside.sayAway(ms);
  }

  async finishCalls(ms: number): Promise<void> {
    const endAt = performance.now() + ms;
    this.#draining = true;
    for (const agent of this.#agents.all()) agent.turnAway();
    while (this.#agents.running > 0 && performance.now() < endAt) await sleep(20);
  }

  drain(ms: number): Promise<void> {
    return this.#options.beside.drain(ms);
  }

  close(): Promise<void> {
    this.#draining = true;
    clearInterval(this.#looking);
    this.#refusals.close();
    for (const agent of this.#agents.all()) agent.end('this hub is shutting down');
    return this.#options.beside.close();
  }

  #identify(request: IncomingMessage): SlimeIdentity | RefusalCode {
    if (!this.#directory) return 'not-ready';
    const token = fieldOf(request, 'slime-agent-token');
    return this.#identities.identify(token, this.#directory, Date.now()) ?? 'token-ended';
  }

  #take(kind: CallKind, call: Call, about: SlimeIdentity, id: string): Promise<void> {
    if (kind === 'submit') return this.#submit(call, about, id);
    return kind === 'join' ? this.#join(call, about, id) : this.#accept(call, about, id);
  }

  async #join(call: Call, about: SlimeIdentity, id: string): Promise<void> {
    const known = this.#agents.find(about, id);
    const idleMs = known?.isGone ? performance.now() - known.heardAt : undefined;
    const hardware = await readHardware(call.request).catch(() => undefined);
    const agent = await this.#enter(call, about, id);
    if (!agent) return;
    agent.workers.joined(idleMs);
    agent.heardAt = performance.now();
    agent.hardware = hardware;
    answer(call, 200);
  }

  async #accept(call: Call, about: SlimeIdentity, id: string): Promise<void> {
    const agent = await this.#enter(call, about, id);
    if (!agent || call.response.destroyed) return;
    if (this.#draining) return this.#refusals.refuse(call, 'shutting-down');
    if (agent.waiting + agent.running >= MOST_INSTANCE_SLOTS) return this.#refusals.refuse(call, 'too-many');
    agent.accept(call);
  }

  /** The agent that calls, in its group. Undefined when it was refused. */
  async #enter(call: Call, about: SlimeIdentity, id: string): Promise<SlimeAgent | undefined> {
    const { log, beside } = this.#options;
    const known = this.#agents.find(about, id);
    if (known) return known;
    const { identity } = about;
    let agent: SlimeAgent | undefined;
    try {
      const relay = await beside.relays.of(identity);
      agent = this.#agents.of(about, id, relay);
      if (agent) await relay.add(agent);
      else this.#refusals.refuse(call, 'too-many');
    } catch (error) {
      log.warn({ err: error, group: identity.group }, 'an agent of slime could not be let in');
      if (agent) this.#agents.forget(agent);
      this.#refusals.refuse(call, 'no-group');
      return undefined;
    }
    if (!agent) return undefined;
    log.info({ instance: agent.instance, group: identity.group }, 'an agent of slime has joined this hub');
    return agent;
  }

  async #submit(call: Call, about: SlimeIdentity, id: string): Promise<void> {
    const { holder } = about;
    const { ticket: text, method } = readConnectionId(fieldOf(call.request, 'slime-connection-id'));
    const found = this.#agents.request(text);
    if (found?.agent.holder === holder && !found.request.isOver) {
      found.agent.heardAt = performance.now();
      return found.request.submit(call);
    }
    const { relays } = this.#options.beside;
    const tickets = await relays.tickets().catch(() => undefined);
    if (!tickets) return this.#refusals.refuse(call, 'no-group');
    const ticket = tickets.read(text);
    if (ticket?.record !== holder) return refuse(call, 'no-ticket');
    if (!relays.has(ticket.relay)) {
      const agent = ticket.group === about.identity.group && (await this.#enter(call, about, id));
      const request = agent && (await this.#takeOver(agent, { ticket, text, method }));
      if (request) return request.submit(call);
    }
    this.#agents.find(about, id)?.cameLate(text);
    // Its client has gone, or it was given to somebody else. The worker is not to blame, and any other status would end it.
    answer(call, 200);
  }

  /** A request that another hub has handed out. Undefined when it is over. */
  async #takeOver(
    agent: SlimeAgent,
    { ticket, text, method }: { ticket: Ticket; text: string; method: string },
  ): Promise<SlimeRequest | undefined> {
    const relay = await this.#options.beside.relays.of(agent.identity);
    const adoption = await relay.adopt(ticket, { turn: 1, have: 0, record: agent.identity.record });
    return adoption && agent.takeOver(adoption, text, method);
  }

  #look(): void {
    const directory = this.#directory;
    if (!directory) return;
    const now = Date.now();
    for (const agent of [...this.#agents.all()]) {
      if (this.#identities.isLive(agent.about, directory, now)) continue;
      agent.end('the token of this agent was revoked or has expired');
      this.#agents.forget(agent);
    }
    this.#agents.forgetGone();
  }
}

/** At once: no worker comes back from this. */
function refuse(call: Call, code: RefusalCode): void {
  answer(call, REFUSALS[code].status, REFUSALS[code].detail);
}

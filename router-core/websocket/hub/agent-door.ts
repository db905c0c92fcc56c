import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { ConfigState } from '../../config/config-state.ts';
import type { ServedSettings } from '../../config/group-settings.ts';
import type { CreateRelayLink } from '../../exchange/relay-link.ts';
import type { Logger } from '../../runtime/logger.ts';
import { LINK_CHANNEL, LINK_PROTOCOL, MAX_MESSAGE_BYTES, MESSAGE } from '../wire/link-message.ts';
import { AgentDirectory, type AgentIdentity } from './agent-directory.ts';
import { bearerOf, refuseSocket, sendJson, type Refusal } from './door-replies.ts';
import { Greeting } from './greeting.ts';
import type { LinkCounts } from './link-counts.ts';
import type { LinkedAgent } from './linked-agent.ts';
import { Relays } from './relays.ts';

export interface AgentDoorOptions {
  /** Id and host of this hub: two hubs of one host fall together. */
  readonly hub: { readonly id: string; readonly host: string };
  readonly createRelayLink: CreateRelayLink;
  /** Signs the tickets of requests; the same at every hub. Rejects when it cannot be had now. */
  readonly sharedSecret: () => Promise<Buffer>;
  /** False when only another kind of door uses the relays. */
  readonly takesLinks: boolean;
  readonly log: Logger;
}

/** Paths that this hub serves itself, before any route. */
export const LINK_PATH = '/_router/link';
const PATHS = /^\/_router\/(?:link|agent)(?:\?|$)/;

const ENDED: Refusal = {
  status: 401,
  code: 'token-ended',
  detail: 'No agent has this token, or not any more. router-cli agent rotate NAME prints a new one',
};
const NOT_READY: Refusal = {
  status: 503,
  code: 'link-refused',
  detail: 'This hub has not read its configuration yet',
};
const DRAINING: Refusal = { status: 503, code: 'link-refused', detail: 'This hub is shutting down' };
const NO_LINK: Refusal = {
  status: 426,
  code: 'link-refused',
  detail: `A link is a WebSocket with Sec-WebSocket-Protocol: ${LINK_PROTOCOL}`,
};

const CHECK_EVERY_MS = 500;

/** Where agents that cannot see the store come in: one WebSocket each, with the token of an agent. */
export class AgentDoor {
  readonly #options: AgentDoorOptions;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: () => LINK_PROTOCOL,
  });
  readonly relays: Relays;
  readonly #greetings = new Set<Greeting>();
  readonly #checking: NodeJS.Timeout;
  #directory: AgentDirectory | undefined;
  #leases: ReadonlyMap<string, number> = new Map();
  #draining = false;

  constructor(options: AgentDoorOptions) {
    this.#options = options;
    this.relays = new Relays(options);
    this.#checking = setInterval(() => this.#endRevoked(), CHECK_EVERY_MS);
  }

  get links(): number {
    return this.relays.agents.size;
  }

  get counts(): LinkCounts {
    return this.relays.counts;
  }

  /** Applies a new configuration to all agents. */
  serve(state: ConfigState, groups: readonly ServedSettings[]): void {
    this.#directory = AgentDirectory.of(state);
    this.#leases = new Map(groups.map(({ name, leaseMs }) => [name, leaseMs]));
    this.#endRevoked();
  }

  takes({ url = '' }: IncomingMessage): boolean {
    return this.#options.takesLinks && PATHS.test(url);
  }

  /** A request for one of the paths of this door that asks for no upgrade. */
  onRequest(request: IncomingMessage, response: ServerResponse): void {
    const identity = this.#identify(request);
    if ('status' in identity) return sendJson(response, identity);
    if (pathOf(request) === LINK_PATH) return sendJson(response, NO_LINK);
    sendJson(response, { status: 200, json: { ...identity, hub: this.#options.hub } });
  }

  onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const identity = pathOf(request) === LINK_PATH ? this.#identify(request) : NO_LINK;
    if ('status' in identity) return this.#refuse(socket, identity);
    if (request.headers['sec-websocket-protocol']?.split(/\s*,\s*/).includes(LINK_PROTOCOL) !== true)
      return this.#refuse(socket, NO_LINK);
    if (this.#draining) return this.#refuse(socket, DRAINING);
    this.#server.handleUpgrade(request, socket, head, (ws) => this.#greet(ws, socket, identity));
  }

  /** Agents are told to go elsewhere, and no new ones are let in. */
  sayAway(ms: number): void {
    this.#draining = true;
    for (const { socket } of this.relays.agents) socket.send(MESSAGE.away, LINK_CHANNEL, { ms });
  }

  /** Linked agents need no new connection. */
  finishCalls(): Promise<void> {
    return Promise.resolve();
  }

  /** Nothing new is pulled for any agent. Resolves when none runs anything, or after `ms`. */
  drain(ms: number): Promise<void> {
    return this.relays.drain(ms);
  }

  async close(): Promise<void> {
    this.#draining = true;
    clearInterval(this.#checking);
    for (const greeting of this.#greetings) greeting.end('this hub is shutting down');
    for (const { socket } of this.relays.agents) socket.close('this hub is shutting down');
    await this.relays.close();
    this.#server.close();
  }

  #refuse(socket: Duplex, refusal: Refusal): void {
    this.counts.refuse(refusal.code);
    refuseSocket(socket, refusal);
  }

  #identify(request: IncomingMessage): AgentIdentity | Refusal {
    if (!this.#directory) return NOT_READY;
    return this.#directory.identify(bearerOf(request), Date.now()) ?? ENDED;
  }

  #greet(ws: WebSocket, stream: Duplex, identity: AgentIdentity): void {
    const greeting = new Greeting({
      ws,
      stream,
      identity,
      hub: this.#options.hub,
      relays: this.relays,
      leaseMs: () => this.#leases.get(identity.group) ?? 6_000,
      onOver: () => this.#greetings.delete(greeting),
      log: this.#options.log,
    });
    this.#greetings.add(greeting);
  }

  #endRevoked(): void {
    const now = Date.now();
    for (const agent of this.relays.agents) {
      if (this.#directory?.stateOf(agent.identity, now) === 'ended') endLink(agent);
    }
  }
}

function endLink({ socket }: LinkedAgent): void {
  socket.refuse('token-ended', 'the token of this agent was revoked or has expired');
}

function pathOf({ url = '' }: IncomingMessage): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import {
  decodeMessage,
  encodeMessage,
  MESSAGE,
  type LinkMessage,
} from '../../../router-core/websocket/wire/link-message.ts';
import { websocketAgentPorts } from '../../../router-core/websocket/agent/websocket-agent-ports.ts';
import { joinLink, type JoinedLink } from '../../exchange/joined-link.ts';
import { CERTIFICATE, PRIVATE_KEY } from '../../support/certificate.ts';
import { newToken, recordLog } from '../../support/config.ts';
import { waitFor } from '../../support/wait.ts';

/** One link, as the hub sees it. */
export interface HubSide {
  readonly ws: WebSocket;
  readonly request: IncomingMessage;
  readonly messages: LinkMessage[];
  send(type: number, channel: number, json?: object, body?: Buffer | string): void;
  /** The next message of this type that nobody has taken yet. */
  next(type: number): Promise<LinkMessage>;
  /** Resolves when the link is closed. */
  closed(): Promise<void>;
}

export interface ScriptedHubOptions {
  readonly host?: string;
  readonly leaseMs?: number;
  /** Answers what is no link. */
  readonly onRequest?: (request: IncomingMessage, response: ServerResponse) => void;
  /** Answers instead of a WebSocket. */
  readonly refusal?: () => string | undefined;
  /** Answers hellos and offers by itself. */
  readonly greets?: boolean;
  readonly isTls?: boolean;
}

export interface ScriptedHub {
  readonly url: string;
  readonly port: number;
  readonly links: HubSide[];
  /** The next link that nobody has taken yet. */
  nextLink(): Promise<HubSide>;
}

/** A hub that says what a test tells it. */
export async function scriptedHub(options: ScriptedHubOptions = {}): Promise<ScriptedHub> {
  const { host = 'hub-host', leaseMs = 1_500, refusal, greets = true, isTls = false, onRequest } = options;
  const server = isTls ? createTlsServer({ key: PRIVATE_KEY, cert: CERTIFICATE }) : createServer();
  server.on('request', (request, response) => {
    if (onRequest) onRequest(request, response);
    else response.writeHead(404).end();
  });
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const links: HubSide[] = [];
  server.on('upgrade', (request, socket, head) => {
    const text = refusal?.();
    if (text !== undefined) {
      socket.on('error', () => undefined);
      socket.end(text);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      const link = hubSide(ws, request);
      if (greets) ws.on('message', (data) => greet(link, data as Buffer, { host, leaseMs }));
      links.push(link);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const { ws } of links) ws.terminate();
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  let taken = 0;
  return {
    url: `${isTls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    links,
    async nextLink() {
      const at = taken++;
      const link = await waitFor(() => links[at], { what: `link ${at + 1}` });
      // Its hello is answered with its arrival: what a test says comes after the welcome.
      const hasHello = () => link.messages.some(({ type }) => type === MESSAGE.hello);
      if (greets) await waitFor(hasHello, { what: 'its hello' });
      return link;
    },
  };
}

function greet(link: HubSide, data: Buffer, { host, leaseMs }: { host: string; leaseMs: number }): void {
  const { type, json } = decodeMessage(data) ?? {};
  if (type === MESSAGE.offer) link.send(MESSAGE.grant, 0, grantOf(json));
  if (type !== MESSAGE.hello) return;
  link.send(MESSAGE.welcome, 0, {
    protocol: 1,
    instance: 'agent.1',
    hub: { id: `id-of-${host}`, host },
    leaseMs,
    grant: grantOf(json?.['offer']),
    limits: { slots: 256 },
  });
}

function grantOf(offer: unknown): object {
  const { n, slots } = offer as { n: number; slots: number };
  return { n, slots, state: 'active' };
}

function hubSide(ws: WebSocket, request: IncomingMessage): HubSide {
  const messages: LinkMessage[] = [];
  const taken = new Set<LinkMessage>();
  let isClosed = false;
  ws.on('message', (data) => {
    const message = decodeMessage(data as Buffer);
    if (message) messages.push(message);
  });
  ws.on('close', () => (isClosed = true));
  ws.on('error', () => undefined);
  return {
    ws,
    request,
    messages,
    send: (type, channel, json, body = '') => ws.send(encodeMessage(type, channel, json, Buffer.from(body))),
    async next(type) {
      const find = () => messages.find((each) => each.type === type && !taken.has(each));
      const found = await waitFor(find, { what: `a message of type ${type}` });
      taken.add(found);
      return found;
    },
    closed: async () => void (await waitFor(() => isClosed, { what: 'the end of the link' })),
  };
}

export interface AgentHere extends JoinedLink {
  /** How often it was told that its token has ended. */
  readonly revoked: () => number;
  readonly logged: () => string[];
}

/** An agent's link to these hubs, joined. */
export async function agentOf(hubs: readonly { url: string }[], slots = 2, ca?: string): Promise<AgentHere> {
  let revoked = 0;
  const { log, lines } = recordLog();
  const { createLink } = websocketAgentPorts({
    hubs: hubs.map(({ url }) => url),
    token: newToken('agent').token,
    ca,
    onRevoked: () => (revoked += 1),
    log,
  });
  const reach = () =>
    Promise.resolve({
      createLink: (options: Parameters<typeof createLink>[0]) => createLink({ ...options, log }),
      cutOff: () => undefined,
      restore: () => undefined,
    });
  const joined = await joinLink({ url: '', group: 'g', leaseMs: 1_500, reach }, slots);
  return { ...joined, revoked: () => revoked, logged: () => lines.map((line) => JSON.stringify(line)) };
}

/** The message in which a hub hands over a request. */
export function requestOf(ticket: string, more: object = {}): object {
  return { id: `id-${ticket}`, attempt: 1, hub: 'h', head: 'GET\n/\n\n', ms: 10_000, ticket, ...more };
}

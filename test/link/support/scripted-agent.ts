import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import {
  decodeMessage,
  encodeMessage,
  LINK_PROTOCOL,
  MESSAGE,
  type LinkMessage,
} from '../../../router-core/websocket/wire/link-message.ts';
import { waitFor } from '../../support/wait.ts';

/** An agent that sends what a test tells it, message by message. */
export interface ScriptedAgent {
  readonly ws: WebSocket;
  readonly messages: LinkMessage[];
  send(type: number, channel: number, json?: object, body?: Buffer | string): void;
  /** The next message of this type that nobody has taken yet. */
  next(type: number): Promise<LinkMessage>;
  /** Why the hub has ended the link. */
  closed(): Promise<string>;
}

export function offerOf(n: number, slots: number) {
  return { n, slots, report: { version: '0', concurrency: slots, inFlight: 0, state: 'ready' } };
}

/** Dials, says hello, and is welcome. */
export async function linkedAgent(
  url: string,
  token: string,
  { slots = 1, hello = {} }: { slots?: number; hello?: object } = {},
): Promise<ScriptedAgent> {
  const agent = await dial(url, token);
  agent.send(MESSAGE.hello, 0, { protocol: 1, name: 'scripted', offer: offerOf(1, slots), ...hello });
  await agent.next(MESSAGE.welcome);
  return agent;
}

/** Dials, and says nothing. */
export async function dial(url: string, token: string): Promise<ScriptedAgent> {
  const ws = new WebSocket(`${url.replace(/^http/, 'ws')}/_router/link`, [LINK_PROTOCOL], {
    headers: { authorization: `Bearer ${token}` },
    perMessageDeflate: false,
  });
  onTestFinished(() => ws.terminate());
  const messages: LinkMessage[] = [];
  const taken = new Set<LinkMessage>();
  let reason: string | undefined;
  ws.on('message', (data) => {
    const message = decodeMessage(data as Buffer);
    if (message) messages.push(message);
  });
  ws.on('close', (_code, text) => (reason = text.toString()));
  await once(ws, 'open');
  ws.on('error', () => undefined);
  return {
    ws,
    messages,
    send(type, channel, json, body = '') {
      ws.send(encodeMessage(type, channel, json, Buffer.from(body)));
    },
    async next(type) {
      const find = () => messages.find((each) => each.type === type && !taken.has(each));
      await waitFor(() => find() !== undefined, { what: `a message of type ${type}` });
      const found = find() as LinkMessage;
      taken.add(found);
      return found;
    },
    async closed() {
      await waitFor(() => reason !== undefined, { what: 'the end of the link' });
      return reason ?? '';
    },
  };
}

import { onTestFinished } from 'vitest';
import type {
  AgentExchange,
  AgentLink,
  AgentPorts,
  ExchangeHandlers,
  Grant,
  OwnedRequest,
  PulledRequest,
  StoredReply,
} from '../../router-core/exchange/agent-link.ts';
import { encodeReplyHead } from '../../router-core/exchange/heads.ts';
import { recordLog } from '../support/config.ts';
import { waitFor } from '../support/wait.ts';

/** A group behind a hub. Everything in it ends with its test. */
export interface LinkWorld {
  /** The URL of the hub: every request to it goes to the group. A request may run twice at most. */
  readonly url: string;
  readonly group: string;
  readonly leaseMs: number;
  /** As a process of its own sees the group: what cuts one off leaves the others. */
  readonly reach: () => Promise<ReachedWorld>;
}

export interface ReachedWorld {
  readonly createLink: AgentPorts['createLink'];
  /** Ends what connections there are; new ones are refused until `restore`. */
  readonly cutOff: () => void;
  readonly restore: () => void;
}

/** The events of one request at its instance. */
export interface Opened {
  readonly exchange: AgentExchange;
  readonly request: OwnedRequest;
  /** Bytes of the body that followed. */
  received: number;
  readonly chunks: readonly Buffer[];
  trailers: string | undefined;
  readonly stops: string[];
  /** How much of the reply the store has. */
  stored: StoredReply;
  settled: number;
  writable: number;
  /** Answers 200 with this body. */
  readonly answer: (text: string) => void;
}

export interface JoinedLink extends ReachedWorld {
  readonly link: AgentLink;
  readonly grants: Grant[];
  /** Pulls until there is one. */
  readonly next: () => Promise<PulledRequest>;
  readonly open: (request: PulledRequest) => Opened;
}

/** An instance in its group, until the test ends. It pulls when it is told to. */
export async function joinLink(world: LinkWorld, slots: number): Promise<JoinedLink> {
  const reached = await world.reach();
  const grants: Grant[] = [];
  const report = { name: 'agent', version: '0', concurrency: slots, inFlight: 0, state: 'ready' } as const;
  const link = reached.createLink({
    group: world.group,
    scopes: [],
    name: 'agent',
    report: () => ({ slots, report }),
    onGrant: (grant) => grants.push(grant),
    log: recordLog().log,
  });
  let isOver = false;
  onTestFinished(async () => {
    isOver = true;
    await link.stopPulling();
    await link.close(100);
  });
  await link.join();
  const next = async () => {
    const pulled: PulledRequest[] = [];
    while (pulled.length === 0 && !isOver) await link.pull(1, (request) => pulled.push(request));
    const [request] = pulled;
    if (!request) throw new Error('the test ended before there was a request');
    return request;
  };
  return { ...reached, link, grants, next, open: (request) => openHere(link, request) };
}

function openHere(link: AgentLink, request: PulledRequest): Opened {
  return watchOpened(link, request, (handlers) => link.open(request, handlers));
}

/** Opens a request with handlers that note what they hear. */
export function watchOpened(
  link: AgentLink,
  request: OwnedRequest,
  open: (handlers: ExchangeHandlers) => AgentExchange,
): Opened {
  const stored: StoredReply = { bytes: 0, isSettled: false };
  const counts = { received: 0, settled: 0, writable: 0 };
  const opened = { request, ...counts, stored, trailers: undefined as string | undefined };
  const stops: string[] = [];
  const chunks: Buffer[] = [];
  const exchange = open({
    onBody: (chunk) => {
      all.received += chunk.length;
      chunks.push(chunk);
    },
    onBodyEnd: (trailers) => (all.trailers = trailers),
    onStop: (why) => stops.push(why),
    onWritable: () => (all.writable += 1),
    onSettled: () => (all.settled += 1),
    onStored: (now) => (all.stored = now),
  });
  const answer = (text: string) => {
    beginReply(link, exchange);
    exchange.reply.write(Buffer.from(text));
    exchange.reply.end();
  };
  const all: Opened = Object.assign(opened, { exchange, stops, chunks, answer });
  return all;
}

/** The head of a reply, 200. */
export function beginReply(link: AgentLink, { reply }: AgentExchange): void {
  const head = encodeReplyHead({ status: 200, reason: 'OK', upstreamMs: 1, fields: '' });
  reply.start({ owner: link.instance, head });
}

/** Nobody has been told otherwise for so long: it will not happen. */
export async function staysSo(ms: number, isSo: () => boolean): Promise<boolean> {
  const until = performance.now() + ms;
  await waitFor(() => !isSo() || performance.now() > until, { what: 'a change', timeoutMs: 2 * ms });
  return isSo();
}

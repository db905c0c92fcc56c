import { onTestFinished } from 'vitest';
import type { ServedSettings } from '../../router-core/config/group-settings.ts';
import type {
  Admission,
  HubExchange,
  Moved,
  ReplyParts,
  RequestParts,
  Terms,
} from '../../router-core/exchange/hub-exchange.ts';
import type { CreateHubLink, HubLink, OpenRequest } from '../../router-core/exchange/hub-link.ts';
import type { HubReport } from '../../router-core/exchange/hub-report.ts';
import { recordLog } from '../support/config.ts';
import { joinLink, type JoinedLink, type LinkWorld } from './joined-link.ts';

/** A group, seen from both sides. Everything in it ends with its test. */
export interface HubWorld extends Pick<LinkWorld, 'group' | 'leaseMs' | 'reach'> {
  /** As a hub of its own sees the group: what cuts one off leaves the others. */
  readonly reachAsHub: () => Promise<HubReach>;
  /** The reports of live hubs, by the ids of these. */
  readonly reports: () => Promise<ReadonlyMap<string, HubReport>>;
}

export interface HubReach {
  readonly createLink: CreateHubLink;
  /** Ends all connections; new ones are refused until `restore`. */
  readonly cutOff: () => void;
  readonly restore: () => void;
}

export interface JoinedHub extends HubReach {
  readonly link: HubLink;
  /** Groups for which the link has said that this hub was absent. */
  readonly absences: string[];
  readonly serve: (...groups: Partial<ServedSettings>[]) => void;
  readonly send: (request?: SendOptions) => Sent;
}

export interface SendOptions extends Partial<RequestParts>, Partial<Terms> {
  readonly method?: string;
  readonly attempts?: number;
  readonly scope?: string;
}

/** One request of a hub, and what the hub has heard of it. */
export interface Sent {
  readonly id: string;
  readonly exchange: HubExchange;
  readonly admission: Promise<Admission>;
  readonly terms: Terms;
  handed: number;
  readonly moves: Moved[];
  /** Bytes that the agent has asked for, of the body that follows. */
  readonly asked: number[];
  readonly failures: string[];
  readonly replies: ReplyParts[];
  readonly faults: unknown[];
  /** All of the reply's body that has come. */
  readonly text: () => string;
  readonly isEnded: () => boolean;
  /** The hub is done with the request. */
  readonly close: () => void;
}

const REPORT: HubReport = {
  name: 'here',
  version: '0',
  startedAt: new Date(0).toISOString(),
  address: '127.0.0.1:1',
  configVersion: 0,
  inFlight: 7,
  flagRoutes: [],
  groups: {},
};

/** A hub that serves the group, until the test ends. */
export async function joinHub(world: HubWorld, settings: Partial<ServedSettings> = {}): Promise<JoinedHub> {
  const reached = await world.reachAsHub();
  const absences: string[] = [];
  let version = 0;
  const { group: name, leaseMs } = world;
  const base = { name, leaseMs, paused: false, concurrency: 0, agents: [], queueDepth: 100 };
  const serve = (...groups: Partial<ServedSettings>[]) =>
    link.serve(
      version,
      groups.map((group) => ({ ...base, ...group })),
    );
  const link = reached.createLink({
    onState: (state) => {
      ({ version } = state);
      serve(settings);
      return Promise.resolve();
    },
    report: () => REPORT,
    onAbsence: (group) => absences.push(group),
    log: recordLog().log,
  });
  onTestFinished(() => link.close());
  await link.check();
  await link.settled(10_000);
  return { ...reached, link, absences, serve, send: (options) => sendFrom(link, world.group, options) };
}

/** An instance of the group, until the test ends. It pulls when it is told to. */
export function joinAgent(world: HubWorld, slots: number): Promise<JoinedLink> {
  return joinLink({ ...world, url: '' }, slots);
}

function sendFrom(link: HubLink, group: string, options: SendOptions = {}): Sent {
  const { method = 'POST', attempts = 2, scope, body = [], ...others } = options;
  const id = link.nextId();
  const request: OpenRequest = { id, group, scope, attempts };
  const terms = { isRepeatable: true, deadlineMs: 30_000, waitMs: 20_000, ...others };
  const heard = {
    handed: 0,
    moves: [] as Moved[],
    asked: [] as number[],
    failures: [] as string[],
    replies: [] as ReplyParts[],
    faults: [] as unknown[],
  };
  const handlers = {
    done: false,
    onHanded: () => (sent.handed += 1),
    onMoved: (moved: Moved) => heard.moves.push(moved),
    onBodyAsked: (credit: number) => heard.asked.push(credit),
    onFailed: (code: string) => heard.failures.push(code),
    onReply: (parts: ReplyParts) => heard.replies.push(parts),
    onFault: (why: string) => heard.faults.push(why),
    fault: (error: unknown) => heard.faults.push(error),
  };
  const exchange = link.open(request, handlers);
  const close = () => {
    if (handlers.done) return;
    handlers.done = true;
    exchange.close(sent.isEnded());
  };
  onTestFinished(close);
  const head = { method, target: '/a%2Fb?c', upgrade: '', fields: 'x-a: 1\r\n', ...options.head };
  const trailers = 'trailers' in options ? options.trailers : '';
  const admission = exchange.admit({ head, body: [...body], trailers }, terms);
  // A test that does not await it looks at something else.
  admission.catch(() => undefined);
  const sent: Sent = Object.assign(heard, {
    ...{ id, exchange, admission, terms, close },
    text: () => heard.replies.map(({ body: chunk }) => String(chunk ?? '')).join(''),
    isEnded: () => heard.replies.some(({ end }) => end !== undefined),
  });
  return sent;
}

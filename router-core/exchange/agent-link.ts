import type { Logger } from '../runtime/logger.ts';
import type { AgentIdentitySource } from './agent-identity.ts';
import type { FrameStream } from './frame-stream.ts';
import type { RequestHead } from './heads.ts';

/** How an agent reaches its group, whatever is between them. Chosen in agent/main.ts; nothing else in agent/ knows which it is. */
export interface AgentPorts {
  readonly createLink: (options: AgentLinkOptions) => AgentLink;
  /** Undefined for an agent without a token: its flags say what it is. */
  readonly identitySource: AgentIdentitySource | undefined;
}

export interface AgentLinkOptions {
  readonly group: string;
  /** Only requests that ask for one of these, or for none, come here. */
  readonly scopes: readonly string[];
  /** Name of its agent record, when it has one. */
  readonly record?: string | undefined;
  /** What people call it; the instance's name starts with it. */
  readonly name: string;
  /** Slots it offers now, and what it says of itself. */
  readonly report: () => { slots: number; report: InstanceReport };
  /** Called whenever the lease is renewed, also when nothing has changed. */
  readonly onGrant: (grant: Grant) => void;
  readonly log: Logger;
}

/**
 * What an instance needs of the other side, whatever that is: Redis itself (redis-agent-link.ts), later a connection to a
 * hub for agents that cannot reach Redis. What each of them promises is tested by test/exchange/agent-link-suite.ts.
 */
export interface AgentLink {
  /** Name of this instance, unique in its group. */
  readonly instance: string;
  /** How many messages that should have woken it were lost. What they announced was found later. */
  readonly missedDoorbells: number;
  /** Joins the group and keeps the lease. Resolves at the first success. Rejects with UnsuitableEngineError. */
  join(): Promise<void>;
  /**
   * Hands up to `max` requests to `take`, as soon as there is one, and resolves then; or without any, when the pull was
   * interrupted or nothing came for some seconds. Each must be replied to, given back or let go.
   */
  pull(max: number, take: (request: PulledRequest) => void): Promise<void>;
  /** No pull returns anything any more. Resolves with the requests that were on their way: to be given back. */
  stopPulling(): Promise<PulledRequest[]>;
  /** Starts to work on a request: what comes for it from now on goes to the handlers. */
  open(request: PulledRequest, handlers: ExchangeHandlers): AgentExchange;
  /** Tells the group at once what this instance now offers; the heartbeat repeats it. */
  report(): Promise<void>;
  /** Returns whether somebody else will run it; if not, the caller answers it. */
  giveBack(request: OwnedRequest, why: GiveBackReason, detail?: string): Promise<boolean>;
  /** Waits until all replies have been taken, at most so long (ms); leaves the group; closes. */
  close(timeoutMs: number): Promise<void>;
}

/**
 * unstarted: there was no room for it after all. unreachable: its upstream never got it, and its slot is not offered again before
 * the next report. Neither counts as an attempt. failed: its upstream may have run it, so it is taken back only when it may run
 * again.
 */
export type GiveBackReason = 'unstarted' | 'unreachable' | 'failed';

/** What a link knows a pulled request by. No two that it has handed out at the same time have the same. */
export type RequestHandle = string & { readonly [ofLink]: true };
declare const ofLink: unique symbol;

export interface PulledRequest {
  readonly id: string;
  readonly attempt: number;
  readonly hub: string;
  readonly head: RequestHead;
  /** The body, or its beginning when `bodyFollows`. */
  readonly body: Buffer | undefined;
  readonly trailers: string;
  readonly bodyFollows: boolean;
  /** ms left until nobody awaits the reply. */
  readonly remainingMs: number;
  /** It must not run twice, and somebody may have run it before another Redis took over: to be failed. */
  readonly mayHaveRun: boolean;
  readonly handle: RequestHandle;
}

/** What a link knows of a request that it has, whoever pulled it. */
export type OwnedRequest = Pick<PulledRequest, 'id' | 'attempt' | 'hub' | 'remainingMs' | 'handle'>;

export interface ExchangeHandlers {
  readonly onBody: (chunk: Buffer) => void;
  readonly onBodyEnd: (trailers: string) => void;
  /** Stop: the client is gone, the deadline has passed, or the request belongs to somebody else now. */
  readonly onStop: (why: string) => void;
  /** The reply window has opened again. */
  readonly onWritable: () => void;
  /** The request is settled, given back or taken away: its slot is free. Called once. */
  readonly onSettled: () => void;
}

export interface AgentExchange {
  /** The reply. Its end settles the request. */
  readonly reply: ReplyStream;
  /** The upstream has taken so many bytes of the request's body: as many more may come. */
  consume(bytes: number): void;
  /** Lets go without settling: it was given back or taken away. */
  abandon(): void;
}

/** What an agent writes of a reply. */
export type ReplyStream = Pick<FrameStream, 'start' | 'interim' | 'write' | 'end' | 'fail' | 'close'>;

/** What the group lets an instance do. */
export interface Grant {
  /** Of the slots that it offered. */
  readonly slots: number;
  /** Of its agent record; unknown: the group does not know the record (any more, or yet); moved: it has other scopes. */
  readonly state: 'active' | 'paused' | 'draining' | 'unknown' | 'moved';
}

/** What an instance says of itself, stored as JSON for operators. */
export interface InstanceReport {
  readonly name: string;
  readonly version: string;
  readonly concurrency: number;
  readonly inFlight: number;
  readonly state: 'ready' | 'upstream-down' | 'paused' | 'draining';
  /** Why the upstream is down, for people. */
  readonly reason?: string | undefined;
  /** Its agent record and the id of its token, when it has one. */
  readonly agent?: string | undefined;
  readonly token?: string | undefined;
}

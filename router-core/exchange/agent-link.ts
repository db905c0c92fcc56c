import type { Logger } from '../runtime/logger.ts';
import type { AgentIdentitySource } from './agent-identity.ts';
import type { Hardware, Labels } from './hardware.ts';
import type { FrameStream } from './frame-stream.ts';
import type { RequestHead } from './heads.ts';

/**
 * The ports through which an agent reaches its group. agent/main.ts chooses them; nothing else in agent/ knows which they are.
 */
export interface AgentPorts {
  readonly createLink: (options: AgentLinkOptions) => AgentLink;
  /** Undefined for an agent without a token: then its flags are its identity. */
  readonly identitySource: AgentIdentitySource | undefined;
}

export interface AgentLinkOptions {
  readonly group: string;
  /** The instance gets requests that ask for one of these scopes, and requests without a scope. */
  readonly scopes: readonly string[];
  /** Name of the agent record, when there is one. */
  readonly record?: string | undefined;
  /** A readable name; the instance's name begins with it. */
  readonly name: string;
  /** The slots that the instance offers now, and its report for operators. */
  readonly report: () => { slots: number; report: InstanceReport };
  /** Called whenever the lease is renewed, also when nothing has changed. */
  readonly onGrant: (grant: Grant) => void;
  readonly log: Logger;
}

/**
 * An instance's link to its group: Redis itself (redis-agent-link.ts), or a hub for agents that cannot reach Redis.
 * test/exchange/agent-link-suite.ts tests that every implementation keeps the promises below.
 */
export interface AgentLink {
  /** Name of this instance, unique in its group. */
  readonly instance: string;
  /** How many wake-up messages were lost. What they announced was found later. */
  readonly missedDoorbells: number;
  /** Joins the group and keeps the lease. Resolves at the first success. Rejects with UnsuitableEngineError. */
  join(): Promise<void>;
  /**
   * Passes up to `max` requests to `take` as soon as there are any, then resolves. Resolves without any when the pull was
   * interrupted or nothing came for some seconds. The caller must reply to each request, requeue it, or abandon it.
   */
  pull(max: number, take: (request: PulledRequest) => void): Promise<void>;
  /** Ends pulling. Resolves with requests that were on their way: the caller requeues them. */
  stopPulling(): Promise<PulledRequest[]>;
  /** Starts an exchange: from now on messages about the request go to the handlers. */
  open(request: PulledRequest, handlers: ExchangeHandlers): AgentExchange;
  /** Reports at once what this instance offers now; the heartbeat repeats it. */
  report(): Promise<void>;
  /** Resolves with true when the request may run again. If not, the caller must answer it. */
  requeue(request: OwnedRequest, why: RequeueReason, detail?: string): Promise<boolean>;
  /** Waits until all replies have left, at most so long (ms); leaves the group; closes. */
  close(timeoutMs: number): Promise<void>;
}

/**
 * unstarted: the instance had no room after all. unreachable: its upstream never got the request, and its slot is not offered
 * again before the next report. Neither counts as an attempt. failed: its upstream may have run the request, so it is requeued
 * only when it may run again.
 */
export type RequeueReason = 'unstarted' | 'unreachable' | 'failed';

/** Identifies a pulled request at its link. Unique among the requests that the link has handed out at the same time. */
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
  /** Time until nobody awaits the reply, ms. */
  readonly remainingMs: number;
  /** True when the request must not run twice and may have run before another Redis took over: the agent fails it. */
  readonly mayHaveRun: boolean;
  readonly handle: RequestHandle;
}

/** A link knows this of each request that it has, whoever pulled it. */
export type OwnedRequest = Pick<PulledRequest, 'id' | 'attempt' | 'hub' | 'remainingMs' | 'handle'>;

export interface ExchangeHandlers {
  readonly onBody: (chunk: Buffer) => void;
  readonly onBodyEnd: (trailers: string) => void;
  /** The call must stop: the client is gone, the deadline has passed, or the request was taken away. */
  readonly onStop: (why: string) => void;
  /** The reply window has opened again. */
  readonly onWritable: () => void;
  /** The request is settled, requeued or taken away: its slot is free. Called once. */
  readonly onSettled: () => void;
  /** The store has more of the reply. Until then, whoever can send it again must keep it. */
  readonly onStored?: (stored: StoredReply) => void;
}

/** How much of a reply the store has. */
export interface StoredReply {
  /** Body bytes that were written to this exchange. */
  readonly bytes: number;
  /** The request is settled: nothing of its reply is needed any more. */
  readonly isSettled: boolean;
}

export interface AgentExchange {
  /** The reply. Its end settles the request. */
  readonly reply: ReplyStream;
  /** The upstream has taken so many bytes of the request's body, so that as many more may come. */
  consume(bytes: number): void;
  /** Drops the exchange without settling it: the request was requeued or taken away. */
  abandon(): void;
}

/** The reply as its agent writes it. */
export type ReplyStream = Pick<FrameStream, 'start' | 'interim' | 'write' | 'end' | 'fail' | 'close'>;

/** The grant of the group to an instance. */
export interface Grant {
  /** How many of the offered slots the instance may use. */
  readonly slots: number;
  /**
   * State of the agent record. unknown: the group does not know the record (any more, or yet). moved: the record has other
   * scopes.
   */
  readonly state: 'active' | 'paused' | 'draining' | 'unknown' | 'moved';
}

/** The report of an instance to operators, stored as JSON. */
export interface InstanceReport {
  readonly name: string;
  readonly version: string;
  readonly concurrency: number;
  readonly inFlight: number;
  readonly state: 'ready' | 'upstream-down' | 'paused' | 'draining';
  /** The reason why the upstream is down, for people. */
  readonly reason?: string | undefined;
  /** Its agent record and the id of its token, when it has one. */
  readonly agent?: string | undefined;
  readonly token?: string | undefined;
  readonly labels?: Labels | undefined;
  /** The machine that it runs on; undefined when it is not to tell. */
  readonly hardware?: Hardware | undefined;
}

import type { FrameReader } from './frame-reader.ts';
import type { FrameStream } from './frame-stream.ts';
import type { RequestHead } from './heads.ts';

/**
 * What an agent needs of the other side, whatever that is: Redis itself (redis-agent-link.ts), later a connection to a
 * hub for agents that cannot reach Redis.
 */
export interface AgentLink {
  /** Name of this instance, unique in its group. */
  readonly instance: string;
  /** Doorbells of which it has found that they did not arrive. */
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
  /** Starts an attempt's streams. */
  open(request: PulledRequest, handlers: ExchangeHandlers): Exchange;
  /** Tells the group at once what this instance now offers; the heartbeat repeats it. */
  report(): Promise<void>;
  /** Returns whether somebody else will run it; if not, the caller answers it. */
  giveBack(request: PulledRequest, why: GiveBackReason, detail?: string): Promise<boolean>;
  /** Waits until all replies have been taken, at most so long (ms); leaves the group; closes. */
  close(timeoutMs: number): Promise<void>;
}

/** See give-back.lua. */
export type GiveBackReason = 'unstarted' | 'unreachable' | 'failed' | 'abandoned';

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
  readonly lane: string;
  readonly entry: string;
}

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

export interface Exchange {
  /** The reply. Its last frame settles the request. */
  readonly reply: FrameStream;
  readonly reader: FrameReader;
  /** Lets go without settling: it was given back or taken away. */
  abandon(): void;
}

/** What the group lets an instance do. */
export interface Grant {
  /** Of the slots that it offered. */
  readonly slots: number;
  /** Of its agent record; unknown: Redis does not know the record (any more, or yet); moved: it has other scopes. */
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

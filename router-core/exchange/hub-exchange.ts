import type { FrameStream } from './frame-stream.ts';
import type { Frame } from './frames.ts';
import type { RequestHead } from './heads.ts';

/**
 * One request of a hub on the other side of its link. The link knows where the request is, which attempt of it runs, and how
 * far its reply has been read.
 */
export interface HubExchange {
  /** How many pieces of the reply, or news of the request, have come so far. */
  readonly heard: number;
  /**
   * Puts the request on its group's queue; from here on its reply may arrive. Rejects with StoreUnavailableError; `sent` says
   * whether the request may be in the queue nevertheless.
   */
  admit(request: RequestParts, terms: Terms): Promise<Admission>;
  /** Puts a request that has come back (see `Moved`) on the queue again: at the end of the line. */
  readmit(returned: Buffer, terms: Terms): Promise<Admission>;
  /**
   * Waits for the reply of the next attempt: the request has moved. Returns false when it cannot have: it has had all its
   * attempts. `isCounted`: this one was an attempt.
   */
  nextAttempt(isCounted: boolean): boolean;
  /** Stops the request wherever it is. Tried until that has succeeded. */
  cancel(): Promise<Whereabouts>;
  /** Takes a request that nobody has pulled out of the group; one that runs is left alone. */
  leave(): Promise<Whereabouts>;
  /** Changes nothing. */
  look(): Promise<Whereabouts>;
  /** Starts to send the body. `credit`: bytes that the agent has asked for. */
  openUpload(credit: number, onWritable: () => void): Upload;
  /** The client has taken so many bytes of the reply: as many more may come. */
  consumed(bytes: number): void;
  /** The outcome is decided: nothing is heard any more. `isAnswered`: nobody needs what was sent. */
  close(isAnswered: boolean): void;
}

/** What travels with the request itself. */
export interface RequestParts {
  readonly head: RequestHead;
  /** The body, or nothing of it when it follows. */
  readonly body: Buffer[];
  /** Undefined: the body follows. */
  readonly trailers: string | undefined;
}

export interface Terms {
  /** May run again after it was pulled (RFC 9110 §9.2.2). */
  readonly isRepeatable: boolean;
  /** ms from now. */
  readonly deadlineMs: number;
  readonly waitMs: number;
}

/** Handed to an agent, in line, or not let in: the line is full, or no slot is free and it may not wait. */
export type Admission = 'handed' | 'waiting' | 'full' | 'busy';

/**
 * Where a request was. removed: it never runs; running: its agent was told to stop it; of those that are left as they are:
 * waiting: in line, handed: in this moment, pulled: its agent has it; unknown: it is nowhere.
 */
export type Whereabouts = 'removed' | 'running' | 'waiting' | 'handed' | 'pulled' | 'unknown';

/** The way of a request's body to its agent. */
export type Upload = Pick<FrameStream, 'write' | 'end'>;

/** What a hub hears of one request. All of it stops once `done`. */
export interface HubExchangeHandlers {
  /** The request has its outcome: nothing more is to be sent or heard of it. */
  readonly done: boolean;
  /** It has left the line: an agent is about to pull it. A hint, which may be missing. */
  onHanded(): void;
  /** To be answered with `nextAttempt()`. */
  onMoved(moved: Moved): void;
  /** The agent asks for the body: the first grant. */
  onBodyAsked(credit: number): void;
  /** The agent has given up; `code` is of the error table, if the agent is ours. */
  onFailed(code: string, detail: string): void;
  onReply(parts: ReplyParts): void;
  /** The reply cannot be followed any further. */
  onFault(why: string): void;
  /** One of these has thrown. */
  fault(error: unknown): void;
}

/** The agent was lost, or gave the request back: it is in line again. */
export interface Moved {
  /** Why its upstream has certainly not seen it; undefined: it may have. */
  readonly unseen: 'unstarted' | 'unreachable' | undefined;
  /** For the log. */
  readonly why: string;
  readonly detail: string | undefined;
  /** The request itself, when it is in no line: to be let in with `readmit`. */
  readonly returned: Buffer | undefined;
}

/** A piece of a reply, in the order of its parts. */
export type ReplyParts = Pick<Frame, 'owner' | 'head' | 'body' | 'end'>;

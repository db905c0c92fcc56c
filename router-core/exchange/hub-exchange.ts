import type { FrameStream } from './frame-stream.ts';
import type { Frame } from './frames.ts';
import type { RequestHead } from './heads.ts';

/**
 * One request of a hub at its link. The link knows where the request is, which attempt runs, and how much of its reply was
 * read.
 */
export interface HubExchange {
  /** How many messages about this request have come so far. */
  readonly heard: number;
  /**
   * Puts the request into its group's queue; from now on its reply may arrive. Rejects with StoreUnavailableError, whose
   * `sent` is true when the request may be in the queue nevertheless.
   */
  admit(request: RequestParts, terms: Terms): Promise<Admission>;
  /** Puts a request that has come back (see `Moved`) into the queue again: at the end of the line. */
  readmit(returned: Buffer, terms: Terms): Promise<Admission>;
  /**
   * Waits for the reply of the next attempt, because the request was moved. Returns false when it has had all its attempts, so
   * that the message cannot be true. `isCounted`: the last attempt counted as one.
   */
  nextAttempt(isCounted: boolean): boolean;
  /** Stops the request wherever it is. Tries again until it succeeds. */
  cancel(): Promise<Whereabouts>;
  /** Removes the request from its group unless an agent has pulled it; then it runs on. */
  leave(): Promise<Whereabouts>;
  /** Finds the request and changes nothing. */
  look(): Promise<Whereabouts>;
  /** Starts sending the body. `credit`: bytes that the agent has asked for. */
  openUpload(credit: number, onWritable: () => void): Upload;
  /** The client has taken so many bytes of the reply, so that as many more may come. */
  consumed(bytes: number): void;
  /** The outcome is decided: no further message is delivered. `isAnswered`: nobody needs the rest of the reply. */
  close(isAnswered: boolean): void;
}

/** The content of the request itself. */
export interface RequestParts {
  readonly head: RequestHead;
  /** The body; empty when it follows. */
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

/** Handed to an agent, in line, or refused: the line is full, or no slot is free and the request may not wait. */
export type Admission = 'handed' | 'waiting' | 'full' | 'busy';

/**
 * Where a request was. removed: it never runs; running: its agent was asked to stop it. When nothing was changed: waiting in
 * line, handed to a lane, pulled by an agent, or unknown: nowhere.
 */
export type Whereabouts = 'removed' | 'running' | 'waiting' | 'handed' | 'pulled' | 'unknown';

/** Sends a request's body to its agent. */
export type Upload = Pick<FrameStream, 'write' | 'end'>;

/** Messages to a hub about one request. All of them stop once `done`. */
export interface HubExchangeHandlers {
  /** The request has its outcome: nothing more is sent or received for it. */
  readonly done: boolean;
  /** The request has left the line: an agent is about to pull it. A hint, which may be missing. */
  onHanded(): void;
  /** The hub answers with `nextAttempt()`. */
  onMoved(moved: Moved): void;
  /** The agent asks for the body: the first grant. */
  onBodyAsked(credit: number): void;
  /** The agent could not complete the reply; `code` is of the error table, if the agent is ours. */
  onFailed(code: string, detail: string): void;
  onReply(parts: ReplyParts): void;
  /** The reply cannot be read any further. */
  onFault(why: string): void;
  /** One of these handlers has thrown. */
  fault(error: unknown): void;
}

/** The agent was lost, or has requeued the request: it is in line again. */
export interface Moved {
  /** The reason why its upstream has certainly not seen it; undefined: it may have. */
  readonly unseen: 'unstarted' | 'unreachable' | undefined;
  /** For the log. */
  readonly why: string;
  readonly detail: string | undefined;
  /** The request itself, when it is in no line: to be admitted again with `readmit`. */
  readonly returned: Buffer | undefined;
}

/** A piece of a reply; its parts in this order. */
export type ReplyParts = Pick<Frame, 'owner' | 'head' | 'body' | 'end'>;

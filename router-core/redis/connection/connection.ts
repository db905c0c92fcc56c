import { ReplyError } from 'ioredis';
import type { CurrentClient } from './current-client.ts';

/**
 * The way to one part of the keys. Its client is another one after each loss, and may be one of another server; while there
 * is none, Redis is away. See node-connection.ts and followed-store.ts.
 */
export type Connection = Pick<CurrentClient, 'client' | 'ready' | 'readyWithin' | 'onReady'>;

/** What a client is for: commands that are answered at once, blocking reads, subscriptions. */
export type Purpose = 'commands' | 'blocking' | 'doorbells';

/** These keys are, or were, elsewhere: another server became the master, or has the slot now. */
const ELSEWHERE = /^(READONLY|MOVED|ASK|TRYAGAIN|CLUSTERDOWN|MASTERDOWN|UNBLOCKED)\b/;

/** Whether the server has sent the command elsewhere, and has not run it. */
export function isElsewhere(error: unknown): boolean {
  return isReplyError(error) && ELSEWHERE.test(error.message);
}

/** The server does not know this script (any more), and whoever asked for it may not load it. */
export function isScriptMissing(error: unknown): boolean {
  return isReplyError(error) && error.message.startsWith('NOSCRIPT');
}

/**
 * Whether the server answered the command with an error; otherwise the connection failed and nobody knows what ran, or
 * another server is to be asked, or somebody is about to load the script, which for whoever asks is the same: ask again.
 */
export function isServerError(error: unknown): error is Error {
  return isReplyError(error) && !isElsewhere(error) && !isScriptMissing(error);
}

function isReplyError(error: unknown): error is Error {
  return error instanceof (ReplyError as new () => Error);
}

/** Pause before a command is tried again after its connection failed. */
export const RETRY_MS = 20;

/** For `retry`: a command whose connection was cut is sent again, and what the server refuses is thrown. */
export const WHEN_CUT = {
  minMs: RETRY_MS,
  maxMs: RETRY_MS,
  isRetried: (error: unknown) => !isServerError(error),
};

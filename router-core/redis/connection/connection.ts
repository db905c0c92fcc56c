import { ReplyError } from 'ioredis';
import type { CurrentClient } from './current-client.ts';

/**
 * Leads to the server of one part of the keys. Each loss brings another client, perhaps of another server; while there is
 * none, Redis is away. See node-connection.ts and followed-store.ts.
 */
export type Connection = Pick<CurrentClient, 'client' | 'ready' | 'readyWithin' | 'onReady'>;

/** The use of a client: commands that are answered at once, blocking reads, subscriptions. */
export type Purpose = 'commands' | 'blocking' | 'doorbells';

/** Another server has these keys: it became the master, or has the slot now. */
const ELSEWHERE = /^(READONLY|MOVED|ASK|TRYAGAIN|CLUSTERDOWN|MASTERDOWN|UNBLOCKED)\b/;

/** True when the server has redirected the command, and has not run it. */
export function isElsewhere(error: unknown): boolean {
  return isReplyError(error) && ELSEWHERE.test(error.message);
}

/** The server does not know this script (any more), and this login may not load it. */
export function isScriptMissing(error: unknown): boolean {
  return isReplyError(error) && error.message.startsWith('NOSCRIPT');
}

/**
 * True when the server has refused the command. False when the connection failed and nobody knows what ran, when another
 * server has the keys, or when the script is about to be loaded: then the caller asks again.
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

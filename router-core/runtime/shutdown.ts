import cluster from 'node:cluster';
import { constants } from 'node:os';
import type { Logger } from './logger.ts';

/**
 * One Ctrl-C may arrive twice: the terminal signals the whole foreground group, and npm passes on its own copy.
 * Signals closer together than this are one request to stop; a person's second Ctrl-C comes later.
 */
const SAME_REQUEST_MS = 500;

/** Where a fault has left a process in doubt it ends within this time, ms. */
const IN_DOUBT_MS = 5_000;

/** For how long what runs may then finish: what is left is still refused, and told to others. */
const DRAIN_IN_DOUBT_MS = 4_000;

/** A fault that repeats itself is not logged for ever. */
const MOST_FAULTS_LOGGED = 10;

/**
 * Calls `close` once on SIGTERM or SIGINT and exits 0 when it is done (1 when it failed). A second signal exits at
 * once, with 128 + its number, as a shell would report it.
 *
 * What nobody has caught, an exception or a rejected promise, leaves the process in doubt: it is logged, `close` is called
 * with the time that it may take (ms), and the process exits 1, at the latest after 5 s, for its supervisor to start anew.
 *
 * A process started with an IPC channel (`router-cli up` does that) also stops when its parent is gone, so that a
 * SIGKILL of the parent leaves nothing behind. In a cluster worker the channel belongs to node:cluster, which
 * does the same by itself.
 *
 * Answers what stops the process for another reason; once it is stopping, more reasons change nothing.
 */
export function closeOnSignal(
  close: (mostMs: number) => Promise<void>,
  log: Logger,
): (reason: string) => void {
  let firstAt: number | undefined;
  let faults = 0;

  const stop = (reason: string, mostMs = Infinity): void => {
    if (firstAt !== undefined) return;
    firstAt = performance.now();
    log.info({ reason }, 'stopping');
    const closing = (async () => close(mostMs))();
    closing.then(
      () => process.exit(faults > 0 ? 1 : 0),
      (error: unknown) => {
        log.error({ err: error }, 'could not stop cleanly');
        process.exit(1);
      },
    );
  };

  // Rejections that nobody handles come here, too.
  process.on('uncaughtException', (error, origin) => {
    faults += 1;
    if (faults === 1) setTimeout(() => process.exit(1), IN_DOUBT_MS);
    if (faults <= MOST_FAULTS_LOGGED)
      log.fatal({ err: error, origin }, 'a fault has left this process in doubt, it ends');
    stop('fault', DRAIN_IN_DOUBT_MS);
  });

  const onSignal = (signal: 'SIGTERM' | 'SIGINT'): void => {
    const again = firstAt !== undefined && performance.now() - firstAt > SAME_REQUEST_MS;
    if (again) process.exit(128 + constants.signals[signal]);
    stop(signal);
  };

  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  if (cluster.isPrimary && process.connected !== undefined) {
    process.once('disconnect', () => stop('parent gone'));
    if (!process.connected) stop('parent gone');
  }
  return (reason) => stop(reason);
}

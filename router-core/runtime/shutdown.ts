import cluster from 'node:cluster';
import { constants } from 'node:os';
import type { Logger } from './logger.ts';

/**
 * One Ctrl-C may arrive twice: the terminal signals the whole foreground group, and npm forwards its own copy. Signals closer
 * together than this are one request to stop; a person's second Ctrl-C comes later.
 */
const SAME_REQUEST_MS = 500;

/** A process in doubt after a fault exits within this time, ms. */
const IN_DOUBT_MS = 5_000;

/** The time for running requests to finish then, ms. The rest of the time is for refusing the others and reporting them. */
const DRAIN_IN_DOUBT_MS = 4_000;

/** A repeated fault is logged at most so often. */
const MOST_FAULTS_LOGGED = 10;

/**
 * Calls `close` once on SIGTERM or SIGINT and exits 0 when it is done (1 when it failed). A second signal exits at once, with
 * 128 + its number, as a shell would report it.
 * An uncaught exception or rejection leaves the process in doubt: it is logged, `close` is called with the time that it may
 * take (ms), and the process exits 1 after at most 5 s, so that its supervisor starts it again.
 * A process with an IPC channel (`router-cli up` opens one) also stops when its parent is gone, so that a SIGKILL of the
 * parent leaves nothing behind. The channel of a cluster worker belongs to node:cluster, which does the same.
 * Returns a function that stops the process for another reason. Once it is stopping, further reasons change nothing.
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

  // Unhandled rejections come here, too.
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

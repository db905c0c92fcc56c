import cluster from 'node:cluster';
import { constants } from 'node:os';
import type { Logger } from './logger.ts';

/**
 * One Ctrl-C may arrive twice: the terminal signals the whole foreground group, and npm passes on its own copy.
 * Signals closer together than this are one request to stop; a person's second Ctrl-C comes later.
 */
const SAME_REQUEST_MS = 500;

/**
 * Calls `close` once on SIGTERM or SIGINT and exits 0 when it is done (1 when it failed). A second signal exits at
 * once, with 128 + its number, as a shell would report it.
 *
 * A process started with an IPC channel (`router-cli up` does that) also stops when its parent is gone, so that a
 * SIGKILL of the parent leaves nothing behind. In a cluster worker the channel belongs to node:cluster, which
 * does the same by itself.
 */
export function closeOnSignal(close: () => Promise<void>, log: Logger): void {
  let firstAt: number | undefined;

  const stop = (reason: string): void => {
    if (firstAt !== undefined) return;
    firstAt = performance.now();
    log.info({ reason }, 'stopping');
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'could not stop cleanly');
        process.exit(1);
      },
    );
  };

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
}

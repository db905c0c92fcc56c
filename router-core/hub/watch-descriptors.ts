import { open } from 'node:fs/promises';
import { devNull } from 'node:os';
import type { Logger } from '../runtime/logger.ts';

const EVERY_MS = 1_000;
const LOG_EVERY_MS = 60_000;

export interface DescriptorWatch {
  /** Looks that found no file descriptor free. */
  readonly shortages: number;
  close(): void;
}

/**
 * Notices that this process is out of file descriptors. Nobody else would: libuv accepts such a connection with a descriptor that
 * it has kept for that, closes it, and tells nothing. So the watch takes a descriptor once a second, and frees it.
 */
export function watchDescriptors(log: Logger): DescriptorWatch {
  let shortages = 0;
  let loggedAt = -Infinity;
  const look = async () => {
    try {
      await (await open(devNull)).close();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EMFILE' && code !== 'ENFILE') return;
      shortages += 1;
      if (performance.now() - loggedAt < LOG_EVERY_MS) return;
      loggedAt = performance.now();
      log.error(
        { code },
        'no file descriptor is free, new connections are closed at once: raise ulimit -n of this process; said once a minute',
      );
    }
  };
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  // The next look begins after this one, however slow the file system is.
  const next = () => {
    timer = setTimeout(() => void lookAndGoOn(), EVERY_MS).unref();
  };
  const lookAndGoOn = async () => {
    await look();
    if (!isClosed) next();
  };
  next();
  return {
    get shortages() {
      return shortages;
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

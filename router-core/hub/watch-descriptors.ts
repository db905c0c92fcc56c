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
 * Notices that this process is out of file descriptors. Nobody else would: libuv accepts a connection for which there is none
 * with one that it has kept for that, closes it, and tells nothing. So a descriptor is taken once a second, and given back.
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
  // One look after the other, however slow the file system is.
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

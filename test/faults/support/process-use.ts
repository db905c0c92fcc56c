import { readdirSync } from 'node:fs';
import { memoryOf, TELLS_MEMORY } from '../../support/memory.ts';
import type { ProcessUse } from './remains.ts';

/** Memory and CPU of a process; undefined when it has gone, or when this system does not report them. */
export function useOf(pid: number): ProcessUse | undefined {
  if (!TELLS_MEMORY) return undefined;
  try {
    return { fds: readdirSync(`/proc/${pid}/fd`).length, rss: memoryOf(pid).now };
  } catch {
    return undefined;
  }
}

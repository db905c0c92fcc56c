import { readdirSync } from 'node:fs';
import { memoryOf, TELLS_MEMORY } from '../../support/memory.ts';
import type { ProcessUse } from './remains.ts';

/** What a process uses; undefined when it has gone, or where this system does not tell. */
export function useOf(pid: number): ProcessUse | undefined {
  if (!TELLS_MEMORY) return undefined;
  try {
    return { fds: readdirSync(`/proc/${pid}/fd`).length, rss: memoryOf(pid).now };
  } catch {
    return undefined;
  }
}

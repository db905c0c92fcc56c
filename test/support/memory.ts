import { existsSync, readFileSync } from 'node:fs';

/** True when this system reports the memory of a process. */
export const TELLS_MEMORY = existsSync('/proc/self/status');

/** Resident memory of a process now and at its highest, in bytes. */
export function memoryOf(pid: number): { now: number; highest: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  return { now: field('VmRSS'), highest: field('VmHWM') };
}

export const MIB = 1024 * 1024;

/**
 * CPU time and peak memory of processes and their children, from Linux's /proc (proc(5)). Elsewhere every
 * figure is null, which the report prints as `-`.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  /** User plus system time, in clock ticks (usually 10 ms each). */
  readonly ticks: number;
  /** The same of children that have ended and were waited for. */
  readonly endedChildrenTicks: number;
}

/** One line of /proc/<pid>/stat. The command in parentheses may itself hold spaces and parentheses. */
export function parseStat(line: string): ProcessStat | undefined {
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')');
  if (open < 0 || close < open) return undefined;
  // After the command: state (field 3), ppid (4), … utime (14), stime (15), cutime (16), cstime (17).
  const fields = line.slice(close + 2).split(' ');
  const stat = {
    pid: Number(line.slice(0, open)),
    parent: Number(fields[1]),
    ticks: Number(fields[11]) + Number(fields[12]),
    endedChildrenTicks: Number(fields[13]) + Number(fields[14]),
  };
  return Number.isInteger(stat.ticks) && Number.isInteger(stat.parent) ? stat : undefined;
}

/** Kilobytes of `field` (VmRSS, VmHWM) in the text of /proc/<pid>/status. */
export function parseStatusKb(text: string, field: string): number | undefined {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // Processes come and go while /proc is listed.
    return '';
  }
}

function allStats(): ProcessStat[] {
  if (process.platform !== 'linux') return [];
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => parseStat(read(`/proc/${pid}/stat`))).filter((stat) => stat !== undefined);
}

function tree(root: number, stats: readonly ProcessStat[]): ProcessStat[] {
  const own = stats.filter((stat) => stat.pid === root);
  const below = stats.filter((stat) => stat.parent === root).flatMap((child) => tree(child.pid, stats));
  return [...own, ...below];
}

/** A process and everything below it, now. */
export function processTree(root: number): ProcessStat[] {
  return tree(root, allStats());
}

function ticksPerSecond(): number {
  try {
    return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) || 100;
  } catch {
    return 100;
  }
}

const usPerTick = 1e6 / ticksPerSecond();

/** Process name → root pid of its tree. */
export type ProcessTable = ReadonlyMap<string, number>;
export type PerProcess = Record<string, number | null>;

/** CPU time so far of each process tree, in microseconds. A child that has ended is not counted any more. */
export function cpuUs(table: ProcessTable): PerProcess {
  const stats = allStats();
  const used: PerProcess = {};
  for (const [name, root] of table) {
    const members = tree(root, stats);
    used[name] = members.length === 0 ? null : members.reduce((sum, stat) => sum + stat.ticks, 0) * usPerTick;
  }
  return used;
}

/** Sets the kernel's peak counter of each process to its present size ("5" in clear_refs). */
export function resetPeakRss(table: ProcessTable): boolean {
  const stats = allStats();
  try {
    for (const root of table.values()) {
      for (const { pid } of tree(root, stats)) writeFileSync(`/proc/${pid}/clear_refs`, '5');
    }
    return stats.length > 0;
  } catch {
    return false;
  }
}

/** MiB of each process tree; children are added up. `field` is VmHWM for the peak, VmRSS for now. */
export function rssMiB(table: ProcessTable, field: 'VmHWM' | 'VmRSS'): PerProcess {
  const stats = allStats();
  const sizes: PerProcess = {};
  for (const [name, root] of table) {
    const members = tree(root, stats).map(
      ({ pid }) => parseStatusKb(read(`/proc/${pid}/status`), field) ?? 0,
    );
    sizes[name] = members.length === 0 ? null : members.reduce((sum, kb) => sum + kb, 0) / 1024;
  }
  return sizes;
}

/**
 * How much of the machine other processes used while a load ran. A figure of a shared machine means little without it: the
 * report shows it in its header. Linux only, elsewhere null.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseStat, processTree } from './process-stats.ts';

export interface Disturbance {
  /** Share of all CPU time that went to processes which are not ours, 0 to 1. */
  readonly others: number;
  /** Share that the hypervisor gave to other machines ("steal" in proc(5)). */
  readonly stolen: number;
}

/** With a larger share for others, a measurement says more about them. */
export const disturbedAbove = 0.1;

const quietForMs = 2_000;
const waitAtMostMs = 180_000;

export interface CpuTotals {
  readonly all: number;
  /** Neither idle nor stolen. With interrupts: most kernels charge those to the process they hit, too. */
  readonly busy: number;
  readonly stolen: number;
}

/** The first line of /proc/stat, in clock ticks of all CPUs. */
export function parseCpuTotals(text: string): CpuTotals | undefined {
  const fields = /^cpu +([\d ]+)$/m.exec(text)?.[1]?.split(' ').map(Number);
  if (fields === undefined || fields.length < 8) return undefined;
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softirq = 0, stolen = 0] = fields;
  const busy = user + nice + system + irq + softirq;
  return { all: busy + idle + wait + stolen, busy, stolen };
}

/** Our own processes: all that live, and what ended ones (wrk) left in our account of waited-for children. */
function ownTicks(): number {
  const self = parseStat(readFileSync('/proc/self/stat', 'latin1'));
  const living = processTree(process.pid).reduce((sum, stat) => sum + stat.ticks, 0);
  return living + (self?.endedChildrenTicks ?? 0);
}

function readAccounts(): { totals: CpuTotals | undefined; own: number } {
  return { totals: parseCpuTotals(readFileSync('/proc/stat', 'latin1')), own: ownTicks() };
}

/** Starts watching; the returned function reports the time since. */
export function watchDisturbance(): () => Disturbance | null {
  if (process.platform !== 'linux') return () => null;
  const before = readAccounts();
  return () => {
    const after = readAccounts();
    if (before.totals === undefined || after.totals === undefined) return null;
    const all = after.totals.all - before.totals.all;
    if (all <= 0) return null;
    const busy = after.totals.busy - before.totals.busy;
    const others = Math.max(0, busy - (after.own - before.own));
    return { others: others / all, stolen: (after.totals.stolen - before.totals.stolen) / all };
  };
}

/** Resolves after two seconds in which others left the machine to us, at the latest after three minutes. */
export async function waitForQuiet(): Promise<void> {
  const until = Date.now() + waitAtMostMs;
  while (Date.now() < until) {
    const soFar = watchDisturbance();
    await sleep(quietForMs);
    if ((soFar()?.others ?? 0) < disturbedAbove) return;
  }
}

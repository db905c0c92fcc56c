/**
 * Measures one scenario: every target once per round, in turn, so that whatever else the machine does falls
 * on all of them alike. Ratios are taken within a round.
 */
import { disturbedAbove, waitForQuiet, watchDisturbance, type Disturbance } from './disturbance.ts';
import type { Load } from './load.ts';
import { cpuUs, resetPeakRss, rssMiB, type PerProcess, type ProcessTable } from './process-stats.ts';
import { warmUpSize, type Scenario, type Size } from './scenarios.ts';
import type { Target, TargetName } from './targets/target.ts';
import type { Workspace } from './workspace.ts';

export interface Sample extends Load {
  /** CPU microseconds per unit (request, event, MB) of each process. */
  readonly cpuUsPerUnit: PerProcess;
  /** Peak resident memory of each process while the load ran; only for transfers. */
  readonly peakRssMiB: PerProcess;
  readonly disturbance: Disturbance | null;
}

export type Round = Partial<Record<TargetName, Sample>>;

function perUnit(table: ProcessTable, before: PerProcess, after: PerProcess, units: number): PerProcess {
  const each: PerProcess = {};
  for (const name of table.keys()) {
    const [from, to] = [before[name] ?? null, after[name] ?? null];
    each[name] = from === null || to === null || units === 0 ? null : (to - from) / units;
  }
  return each;
}

/** A client that could not even finish is a measurement with an error, like one that saw a wrong answer. */
function failed(error: unknown, workspace: Workspace): Load {
  if (workspace.isClosed()) throw error;
  return {
    rate: 0,
    units: 0,
    p50Ms: null,
    p99Ms: null,
    delayP50Ms: null,
    delayP99Ms: null,
    errors: 1,
    errorDetail: error instanceof Error ? error.message : String(error),
  };
}

/** The uncaught error and a little of its stack, or else its last words. */
function lastWords(output: string): string {
  const error = output.search(/^\w*Error\b/m);
  return error < 0 ? output.slice(-400) : output.slice(error, error + 400);
}

function describeDead(target: Target): string {
  const dead = target.children().filter((child) => child.ended() !== undefined);
  return dead.map((child) => `; ${child.name} ${child.ended()}: ${lastWords(child.output())}`).join('');
}

async function measure(
  workspace: Workspace,
  scenario: Scenario,
  target: Target,
  size: Size,
): Promise<Sample> {
  const table = target.processes;
  const peakKnown = scenario.kind === 'transfer' && resetPeakRss(table);
  const disturbanceSoFar = watchDisturbance();
  const before = cpuUs(table);
  const load = await scenario
    .measure(workspace, target, size)
    .catch((error: unknown) => failed(error, workspace));
  const after = cpuUs(table);
  const disturbance = disturbanceSoFar();
  const detail = load.errors > 0 ? load.errorDetail.trim() + describeDead(target) : '';
  return {
    ...load,
    // One line, for the list in the report.
    errorDetail: detail.replaceAll(/\s*\n\s*/g, ' ⏎ '),
    cpuUsPerUnit: perUnit(table, before, after, load.units),
    peakRssMiB: peakKnown ? rssMiB(table, 'VmHWM') : {},
    disturbance,
  };
}

/** A round with errors is never put aside: they count, whatever else went on. */
function isDisturbed(round: Round): boolean {
  const samples = Object.values(round);
  if (samples.some(({ errors }) => errors > 0)) return false;
  return samples.some(({ disturbance }) => (disturbance?.others ?? 0) > disturbedAbove);
}

function describeSample({ rate, errors, errorDetail, disturbance }: Sample): string {
  const others = disturbance?.others ?? 0;
  const disturbed = others > disturbedAbove ? `, others used ${(others * 100).toFixed(0)} % of the CPU` : '';
  return `${rate.toFixed(0)}/s${disturbed}${errors > 0 ? ` ERRORS ${errors}: ${errorDetail}` : ''}`;
}

export interface RoundsSettings {
  readonly workspace: Workspace;
  readonly rounds: number;
  readonly size: Size;
  readonly warmUp: boolean;
  /** Wait for a quiet machine before each round, and run rounds again that were disturbed all the same. */
  readonly patient: boolean;
  readonly progress: (line: string) => void;
}

export async function runRounds(
  scenario: Scenario,
  targets: readonly Target[],
  settings: RoundsSettings,
): Promise<Round[]> {
  const { workspace, size, progress } = settings;
  if (settings.warmUp) {
    const warmUp = { ...scenario, measure: scenario.warmUp };
    for (const target of targets) await measure(workspace, warmUp, target, warmUpSize);
  }
  const measureRound = async (name: string) => {
    const round: Round = {};
    for (const target of targets) {
      const sample = await measure(workspace, scenario, target, size);
      round[target.name] = sample;
      progress(`${scenario.name} ${name} ${target.name}: ${describeSample(sample)}`);
    }
    return round;
  };
  const rounds: Round[] = [];
  let putAside = 0;
  while (rounds.length < settings.rounds) {
    if (settings.patient) await waitForQuiet();
    const round = await measureRound(`round ${rounds.length + 1}`);
    const again = settings.patient && isDisturbed(round) && putAside < settings.rounds * 2;
    if (again) putAside += 1;
    else rounds.push(round);
  }
  return rounds;
}

/**
 * `npm run bench`: this router beside its upstream, nginx, haproxy and a Node push proxy, in one run.
 * README.md in this folder says how it measures.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { describeMachine, headerLines } from './describe-machine.ts';
import { checkGoals } from './goals.ts';
import { parseOptions, usage, UsageError, type Options } from './options.ts';
import { describeProfiles } from './print-profile.ts';
import { renderReport } from './report-markdown.ts';
import { runRounds } from './run-rounds.ts';
import { startTargets } from './start-targets.ts';
import { median, summarize, type ScenarioResult } from './summarize.ts';
import { repositoryFile } from './targets/target.ts';
import { createWorkspace, type Workspace } from './workspace.ts';

const progress = (line: string) => process.stderr.write(`${line}\n`);

function makeProfileDir(): string {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  const dir = repositoryFile(`bench/results/profile-${stamp}`);
  mkdirSync(dir, { recursive: true });
  return dir;
}

const percent = (value: number | null) => `${((value ?? 0) * 100).toFixed(1)} %`;

/** Anything above a few per cent means: somebody else was using the machine. */
function disturbanceLine(results: readonly ScenarioResult[]): string[] {
  const rounds = results.flatMap((result) => result.rounds);
  const samples = rounds.flatMap((round) => Object.values(round));
  const known = samples.map(({ disturbance }) => disturbance).filter((one) => one !== null);
  if (known.length === 0) return [];
  const others = known.map((one) => one.others);
  const stolen = known.map((one) => one.stolen);
  return [
    `- CPU used by other programs meanwhile: ${percent(median(others))} (at most ${percent(Math.max(...others))}); ` +
      `by other machines of the host: ${percent(median(stolen))} (at most ${percent(Math.max(...stolen))})`,
  ];
}

async function runBenchmark(
  workspace: Workspace,
  options: Options,
  profileDir: string | undefined,
): Promise<boolean> {
  const notes: string[] = [];
  const targets = await startTargets(workspace, options, profileDir, (line) => notes.push(line));
  const results: ScenarioResult[] = [];
  const { rounds, size } = options;
  for (const scenario of options.scenarios) {
    const settings = {
      workspace,
      rounds,
      size,
      warmUp: !options.smoke,
      patient: options.patient,
      progress,
    };
    results.push(summarize(scenario, await runRounds(scenario, targets.for(scenario), settings)));
  }
  const machine = describeMachine();
  const goals = checkGoals(results);
  const header = [...headerLines(machine, options, notes), ...disturbanceLine(results)];
  process.stdout.write(`${renderReport(header, results, goals)}\n`);
  if (options.json !== undefined) {
    const { only } = options;
    const written = { machine, settings: { only, rounds, size }, notes, results, goals };
    writeFileSync(options.json, `${JSON.stringify(written, null, 1)}\n`);
  }
  return results.every(({ summaries }) => summaries.every(({ errors }) => errors === 0));
}

/** Ctrl-C: end the children in order, then go. A second one falls through to the exit hook of the workspace. */
function stopOnSignals(workspace: Workspace): () => boolean {
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(130);
      stopping = true;
      void workspace.close().finally(() => process.exit(130));
    });
  }
  return () => stopping;
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const profileDir = options.profileRouter ? makeProfileDir() : undefined;
  const workspace = createWorkspace();
  const isStopping = stopOnSignals(workspace);
  try {
    const valid = await runBenchmark(workspace, options, profileDir);
    if (!valid) progress('there were errors: the run is invalid');
    return valid ? 0 : 1;
  } catch (error) {
    if (!isStopping()) progress(error instanceof Error ? error.message : String(error));
    return 1;
  } finally {
    await workspace.close();
    if (profileDir !== undefined) progress(describeProfiles(profileDir));
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  progress(`${error.message}\n${usage}`);
  process.exitCode = 2;
}

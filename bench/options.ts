/** The command line. */
import { parseArgs } from 'node:util';
import { fullSize, scenarios, smokeScenarios, smokeSize, type Scenario, type Size } from './scenarios.ts';
import { targetNames, type TargetName } from './targets/target.ts';

export interface Options {
  readonly smoke: boolean;
  readonly json: string | undefined;
  readonly scenarios: readonly Scenario[];
  readonly only: readonly TargetName[];
  /** True when --only named the targets: then a missing program is an error, not a note. */
  readonly onlyGiven: boolean;
  readonly rounds: number;
  readonly size: Size;
  readonly patient: boolean;
  readonly profileRouter: boolean;
}

export const usage = `usage: npm run bench -- [options]
  --smoke               every scenario of every target for a moment (CI); fails on any error
  --scenario NAME[,…]   ${scenarios.map(({ name }) => name).join(', ')}
  --only TARGET[,…]     ${targetNames.join(', ')}
  --seconds N           length of each load of small answers (default ${fullSize.seconds})
  --rounds N            rounds of all targets (default 5, medians are shown)
  --proxy-threads N     worker processes of nginx and threads of haproxy (default: the faster, see README)
  --json FILE           write every round and all medians
  --patient             wait before each round until other programs are quiet, and run disturbed rounds again
  --profile-router      V8 CPU profiles of hub and agent`;

/** A wrong command line: one sentence and exit code 2. */
export class UsageError extends Error {}

function split(values: readonly string[] | undefined): string[] {
  return (values ?? []).flatMap((value) => value.split(',')).filter((value) => value !== '');
}

function positive(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`--${name} wants a whole number, not "${text}"`);
  return value;
}

function chosen<T>(
  what: string,
  names: readonly string[],
  all: readonly T[],
  nameOf: (item: T) => string,
): T[] {
  const unknown = names.find((name) => !all.some((item) => nameOf(item) === name));
  if (unknown !== undefined) {
    throw new UsageError(`unknown ${what} "${unknown}": one of ${all.map(nameOf).join(', ')}`);
  }
  return all.filter((item) => names.length === 0 || names.includes(nameOf(item)));
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean' },
        smoke: { type: 'boolean' },
        json: { type: 'string' },
        scenario: { type: 'string', multiple: true },
        only: { type: 'string', multiple: true },
        seconds: { type: 'string' },
        rounds: { type: 'string' },
        'proxy-threads': { type: 'string' },
        patient: { type: 'boolean' },
        'profile-router': { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** The options, or undefined when only the help was asked for. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true) return undefined;
  if (positionals[0] !== undefined) {
    throw new UsageError(`unexpected "${positionals[0]}": several names are joined by commas`);
  }
  const smoke = values.smoke === true;
  const size = smoke ? smokeSize : fullSize;
  const only = split(values.only);
  const all = smoke ? smokeScenarios : scenarios;
  return {
    smoke,
    json: values.json,
    scenarios: chosen('scenario', split(values.scenario), all, ({ name }) => name).map((scenario) => ({
      ...scenario,
      proxyThreads: positive('proxy-threads', values['proxy-threads'], scenario.proxyThreads),
    })),
    only: chosen('target', only, targetNames, (name) => name),
    onlyGiven: only.length > 0,
    rounds: positive('rounds', values.rounds, smoke ? 1 : 5),
    size: { ...size, seconds: positive('seconds', values.seconds, size.seconds) },
    patient: values.patient === true,
    profileRouter: values['profile-router'] === true,
  };
}

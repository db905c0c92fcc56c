/** The header of a report: what was measured, with what, on what. */
import { cpus, release, totalmem, type } from 'node:os';
import { findProgram } from '../router-core/runtime/find-program.ts';
import { programVersion } from './program-version.ts';
import type { Options } from './options.ts';
import { loadGenerator, type Scenario } from './scenarios.ts';

function version(path: string | undefined, flag: string): string {
  return path === undefined ? 'not there' : programVersion(path, flag);
}

export interface Machine {
  readonly node: string;
  readonly system: string;
  readonly cpus: number;
  readonly cpuModel: string;
  readonly memoryGiB: number;
  readonly programs: Readonly<Record<string, string>>;
}

export function describeMachine(): Machine {
  const redis = findProgram('redis-server', 'valkey-server');
  const wrk = findProgram('wrk');
  return {
    node: process.version,
    system: `${type()} ${release()}`,
    cpus: cpus().length,
    cpuModel: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    programs: {
      [redis?.split('/').at(-1) ?? 'redis-server']: version(redis, '--version'),
      nginx: version(findProgram('nginx'), '-v'),
      haproxy: version(findProgram('haproxy'), '-v'),
      wrk: version(wrk, '-v'),
    },
  };
}

const threads = ({ name, proxyThreads }: Scenario) => `${proxyThreads} at ${name}`;

export function headerLines(machine: Machine, options: Options, notes: readonly string[]): string[] {
  const { size } = options;
  const programs = Object.entries(machine.programs).map(([name, found]) => `${name} ${found}`);
  return [
    '### Benchmark',
    '',
    `- ${new Date().toISOString().slice(0, 16)}Z, Node ${machine.node}, ${machine.cpus} × ${machine.cpuModel}, ` +
      `${machine.memoryGiB} GiB, ${machine.system}`,
    `- ${programs.join(', ')}; load by ${loadGenerator().split('/').at(-1)}, everything on loopback`,
    `- targets in turn: ${options.only.join(', ')}; ${options.rounds} rounds, medians; small answers ` +
      `${size.seconds} s each; ${size.streams} × 2 streams of ${size.events} events every ${size.eventEveryMs} ms; ` +
      `transfers of ${size.transferBytes / 1024 ** 2} MiB`,
    `- workers of nginx, threads of haproxy: ${options.scenarios.map(threads).join(', ')}`,
    ...notes.map((note) => `- ${note}`),
  ];
}

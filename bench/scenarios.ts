/** The scenarios: the load of each one, and the client that makes it. */
import { cpus } from 'node:os';
import { findProgram } from '../router-core/runtime/find-program.ts';
import { parseLoad, type Load } from './load.ts';
import { parseWrk } from './parse-wrk.ts';
import { processFile, targetNames, type Target, type TargetName } from './targets/target.ts';
import type { Workspace } from './workspace.ts';

export interface Size {
  /** How long the load of small answers lasts. wrk knows whole seconds only. */
  readonly seconds: number;
  readonly transferBytes: number;
  readonly streams: number;
  readonly events: number;
  readonly eventEveryMs: number;
}

export const fullSize: Size = {
  seconds: 4,
  transferBytes: 1024 ** 3,
  streams: 50,
  events: 20,
  eventEveryMs: 50,
};
export const smokeSize: Size = {
  seconds: 1,
  transferBytes: 64 * 1024 ** 2,
  streams: 20,
  events: 5,
  eventEveryMs: 20,
};
/** Run once before the first round, not counted: compiles the code and opens the connections to the upstream. */
export const warmUpSize: Size = { ...smokeSize, seconds: 3, streams: 50 };
/** One connection makes too few requests in that time for the compiler to notice. */
const WARM_UP_CONNECTIONS = 32;

type Endpoint = Pick<Target, 'url' | 'header'>;

export interface Scenario {
  readonly name: string;
  readonly kind: 'requests' | 'events' | 'transfer';
  /** Concurrency of the router's agent. */
  readonly slots: number;
  /** Worker processes of nginx and threads of haproxy. */
  readonly proxyThreads: number;
  /** Targets for which the scenario shows nothing new. */
  readonly without: readonly TargetName[];
  measure: Measure;
  /** Load of the same kind that warms a target up. */
  warmUp: Measure;
}

type Measure = (workspace: Workspace, target: Endpoint, size: Size) => Promise<Load>;

/**
 * Each scenario gets the number that makes nginx the faster. Two cores, quiet, in turn, medians of 5 rounds: 2 workers
 * reach 1.12 × the requests/s of 1 worker at 1 connection, 0.90 × at 32, 1.19 × at 256 (haproxy: 0.92 × at 32, 1.10 ×
 * at 256). At 32 the load generator and the upstream make good use of the cores that the proxy leaves to them.
 */
const cores = cpus().length;
const halfOfCores = Math.max(1, Math.floor(cores / 2));

const wrk = findProgram('wrk');

export function loadGenerator(): string {
  return wrk ?? 'autocannon';
}

function runClient(workspace: Workspace, name: string, args: readonly string[]): Promise<string> {
  return workspace.run(name, process.execPath, [processFile(name), ...args]);
}

function loadSmall(connections: number): Measure {
  return async (workspace, { url, header }, { seconds }) => {
    const target = `${url}/small`;
    if (wrk === undefined) {
      const args = [target, String(connections), String(seconds), ...(header === undefined ? [] : [header])];
      return parseLoad(await runClient(workspace, 'autocannon-load', args));
    }
    // One thread: a second one would only take CPU from the targets.
    const headers = header === undefined ? [] : ['-H', header];
    const load = ['-t1', `-c${connections}`, `-d${seconds}`];
    const args = [...load, ...headers, '--timeout', '10', '--latency', target];
    return parseWrk(await workspace.run('wrk', wrk, args));
  };
}

function small(name: string, connections: number, slots: number, without: readonly TargetName[]): Scenario {
  return {
    name,
    kind: 'requests',
    slots,
    proxyThreads: connections === 32 ? halfOfCores : cores,
    without,
    measure: loadSmall(connections),
    warmUp: loadSmall(Math.max(connections, WARM_UP_CONNECTIONS)),
  };
}

/** bare-pull has neither streams nor uploads. */
const WITH_BODIES: readonly TargetName[] = ['bare-pull', 'router-tcp', 'router-apps'];

const loadEvents: Measure = async (workspace, { url }, { streams, events, eventEveryMs }) => {
  const from = `${url}/sse?n=${events}&ms=${eventEveryMs}`;
  return parseLoad(await runClient(workspace, 'sse-client', [from, String(streams), String(events)]));
};

const sse: Scenario = {
  name: 'sse',
  kind: 'events',
  slots: 256,
  proxyThreads: cores,
  without: WITH_BODIES,
  measure: loadEvents,
  warmUp: loadEvents,
};

function transfer(direction: 'download' | 'upload'): Scenario {
  const load: Measure = async (workspace, { url }, { transferBytes }) => {
    const address = direction === 'download' ? `${url}/large?bytes=${transferBytes}` : `${url}/sink`;
    const args = [direction, address, String(transferBytes)];
    return parseLoad(await runClient(workspace, 'transfer-client', args));
  };
  return {
    name: direction,
    kind: 'transfer',
    slots: 256,
    proxyThreads: cores,
    without: WITH_BODIES,
    measure: load,
    warmUp: load,
  };
}

export const scenarios: readonly Scenario[] = [
  small('small-1', 1, 256, ['router-apps']),
  small('small-32', 32, 256, []),
  small('small-256', 256, 256, ['router-tcp', 'router-apps']),
  // 64 slots for 256 connections: 192 requests always wait in Redis.
  small('small-256-wait', 256, 64, ['direct', 'haproxy', 'bare-pull', 'router-tcp', 'router-apps']),
  sse,
  transfer('download'),
  transfer('upload'),
];

/** For CI, where every second counts: scenarios that only compare are omitted. */
export const smokeScenarios: readonly Scenario[] = scenarios.map((scenario) =>
  !scenario.without.includes('direct')
    ? scenario
    : { ...scenario, without: targetNames.filter((name) => name !== 'router') },
);

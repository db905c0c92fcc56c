/** Starts the targets that the command line names and this machine has. */
import { findProgram } from '../router-core/runtime/find-program.ts';
import type { Options } from './options.ts';
import { startBarePull } from './targets/bare-pull.ts';
import { startHaproxy } from './targets/haproxy.ts';
import { startNginx } from './targets/nginx.ts';
import { startRouter } from './targets/router.ts';
import { startRouterWithLink } from './targets/router-link.ts';
import { startRouterWithApps } from './targets/router-apps.ts';
import {
  startDirect,
  startNodePush,
  startUpstream,
  type Target,
  type TargetName,
  type TargetSettings,
} from './targets/target.ts';
import type { Workspace } from './workspace.ts';
import type { Scenario } from './scenarios.ts';

export interface Targets {
  for(scenario: Scenario): readonly Target[];
}

function isMissing(name: TargetName): boolean {
  return (name === 'nginx' || name === 'haproxy') && findProgram(name) === undefined;
}

/** nginx and haproxy are optional, unless they were named. */
function available(options: Options, note: (line: string) => void): TargetName[] {
  const missing = options.only.filter(isMissing);
  if (missing.length > 0 && options.onlyGiven) throw new Error(`not on PATH: ${missing.join(', ')}`);
  for (const name of missing) note(`${name} is not on PATH: left out`);
  return options.only.filter((name) => !missing.includes(name));
}

type Start = (settings: TargetSettings, scenario: Scenario) => Promise<Target>;

/** The setting in which a target differs between scenarios. Scenarios with the same value share one. */
const variants: Readonly<Record<TargetName, (scenario: Scenario) => number>> = {
  direct: () => 0,
  nginx: ({ proxyThreads }) => proxyThreads,
  haproxy: ({ proxyThreads }) => proxyThreads,
  'node-push': () => 0,
  'bare-pull': ({ slots }) => slots,
  router: ({ slots }) => slots,
  'router-tcp': ({ slots }) => slots,
  'router-apps': ({ slots }) => slots,
  'router-link': ({ slots }) => slots,
};

export async function startTargets(
  workspace: Workspace,
  options: Options,
  profileDir: string | undefined,
  note: (line: string) => void,
): Promise<Targets> {
  const starters: Readonly<Record<TargetName, Start>> = {
    direct: startDirect,
    nginx: (settings, { proxyThreads }) => startNginx(settings, proxyThreads),
    haproxy: (settings, { proxyThreads }) => startHaproxy(settings, proxyThreads),
    'node-push': startNodePush,
    'bare-pull': (settings, { slots }) => startBarePull(settings, { slots }),
    router: (settings, { slots }) => startRouter(settings, { slots, profileDir }),
    'router-tcp': (settings, { slots }) =>
      startRouter(settings, { slots, overTcp: true, profileDir: undefined }),
    'router-apps': (settings, { slots }) => startRouterWithApps(settings, { slots }),
    'router-link': (settings, { slots }) => startRouterWithLink(settings, { slots, profileDir }),
  };
  const settings = await startUpstream(workspace);
  const names = available(options, note);
  const keyOf = (name: TargetName, scenario: Scenario) => `${name} ${variants[name](scenario)}`;
  const starting = new Map<string, Promise<Target>>();
  for (const scenario of options.scenarios) {
    for (const name of names.filter((one) => !scenario.without.includes(one))) {
      const key = keyOf(name, scenario);
      if (!starting.has(key)) starting.set(key, starters[name](settings, scenario));
    }
  }
  const started = await Promise.all(
    [...starting].map(async ([key, target]): Promise<[string, Target]> => [key, await target]),
  );
  const targets = new Map(started);
  return {
    for: (scenario) =>
      names
        .filter((name) => !scenario.without.includes(name))
        .map((name) => targets.get(keyOf(name, scenario)))
        .filter((target) => target !== undefined),
  };
}

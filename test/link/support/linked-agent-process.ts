import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';
import { hubProcess, type HubProcess } from '../../support/parts.ts';
import { launch, type LaunchedProcess } from '../../support/processes.ts';
import { waitFor } from '../../support/wait.ts';

/** When the test fails, the logs of this process stay in a file that is named on stderr. */
function keepLogs(name: string, process: LaunchedProcess): void {
  onTestFinished(({ task }) => {
    if (task.result?.state !== 'fail') return;
    const file = join(mkdtempSync(join(tmpdir(), 'mini-router-link-')), name);
    writeFileSync(file, process.stdout + process.stderr);
    console.error(`log of ${name}: ${file}`);
  });
}

const NAMED_HOST = pathToFileURL(join(import.meta.dirname, 'named-host.mjs')).href;

interface HubAtOptions {
  readonly redisUrl: string;
  readonly group: string;
  readonly flags?: string[];
  readonly port?: number;
}

/** A hub that says that its machine is called so: an agent keeps a standby link only at another machine. */
export async function hubAt(
  host: string,
  { redisUrl, group, flags = [], port }: HubAtOptions,
): Promise<HubProcess> {
  const env = { NODE_OPTIONS: `--import ${NAMED_HOST}`, TEST_HOST: host };
  const all = ['--log-level', 'debug', ...flags];
  const hub = await hubProcess(redisUrl, group, all, { env, ...(port !== undefined && { port }) });
  keepLogs(host, hub);
  return hub;
}

export interface LinkedAgentOptions {
  readonly hubs: readonly string[];
  readonly token: string;
  readonly upstream: string;
  readonly name?: string;
  readonly flags?: string[];
  readonly env?: NodeJS.ProcessEnv;
}

export interface LinkedAgentProcess extends LaunchedProcess {
  /** The address under which it was linked when a hub gave it this name, which is that of `Router-Agent`. */
  hubOf(instance: string): string;
  /** Resolves when it has been linked so often. */
  linked(times: number): Promise<void>;
}

/** A real agent process that knows hubs and a token only; linked, and ready. */
export async function linkedAgentProcess(options: LinkedAgentOptions): Promise<LinkedAgentProcess> {
  const { hubs, token, upstream, name = 'far', flags = [], env = {} } = options;
  const where = ['--hub', hubs.join(','), '--upstream', upstream, '--name', name, '--concurrency', '64'];
  const quiet = ['--no-report-hardware', '--log-level', 'debug'];
  const agent = launch('router-core', ['agent', ...where, ...quiet, ...flags], {
    env: { ROUTER_AGENT_TOKEN: token, ...env },
  });
  onTestFinished(() => agent.kill('SIGKILL'));
  keepLogs(name, agent);
  const links = () =>
    agent.stdout
      .split('\n')
      .filter((line) => line.includes('linked to a hub'))
      .map((line) => JSON.parse(line) as { hub: string; instance: string });
  await agent.waitForLine('agent ready');
  return Object.assign(agent, {
    hubOf(instance: string) {
      const found = links().find((link) => link.instance === instance);
      if (!found) throw new Error(`no hub has called it ${instance}`);
      return found.hub;
    },
    linked: (times: number) =>
      waitFor(() => links().length >= times, { what: `${times} links` }).then(() => undefined),
  });
}

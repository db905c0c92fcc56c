import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { agentProcess, hubProcess, instancesOf, redisHere } from '../../support/parts.ts';
import { freePort } from '../../support/ports.ts';
import type { RedisOptions, TestRedis } from '../../support/redis.ts';
import { uniqueGroup } from '../../support/router.ts';
import { waitFor } from '../../support/wait.ts';
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts';
import { Part } from './part.ts';
import { RunRecord } from './run-record.ts';
import { startProgram } from './start-program.ts';
import { World } from './world.ts';

export interface WorldOptions {
  readonly redis?: RedisOptions | (() => Promise<TestRedis>);
  readonly hubs?: number;
  readonly agents?: number;
  /** Those that the test starts itself: the last ones. */
  readonly lateAgents?: number;
  readonly upstreams?: number;
  /** Slots of each instance. */
  readonly concurrency?: number;
  /** Number of instances of each agent. */
  readonly instances?: number;
  readonly leaseMs?: number;
  /** `--total-timeout` of the hubs. */
  readonly deadlineMs?: number;
  readonly hubFlags?: readonly string[];
  /** Each hub and each agent reaches Redis through a proxy of its own. */
  readonly proxied?: boolean;
  /** Variables of one hub or agent, by its name. */
  readonly env?: (part: string) => NodeJS.ProcessEnv;
}

/** Everything that the parts of one world share. */
interface Ground {
  readonly options: Required<WorldOptions>;
  readonly redis: TestRedis;
  readonly group: string;
  readonly record: RunRecord;
}

/** More is kept with the histories when somebody looks for the cause of a broken promise. */
const LOG_LEVEL = process.env['FAULTS_LOG_LEVEL'] ?? 'warn';

const DEFAULTS: Required<WorldOptions> = {
  redis: {},
  hubs: 1,
  agents: 2,
  lateAgents: 0,
  upstreams: 1,
  concurrency: 8,
  instances: 1,
  leaseMs: 2_000,
  deadlineMs: 15_000,
  hubFlags: [],
  proxied: false,
  env: () => ({}),
};

/** Redis, upstreams, hubs and agents, each a process of its own. All of it ends with the test. */
export async function startWorld(given: WorldOptions = {}): Promise<World> {
  const options = { ...DEFAULTS, ...given };
  const redis = await (typeof options.redis === 'function' ? options.redis() : redisHere(options.redis));
  const record = new RunRecord(mkdtempSync(join(tmpdir(), 'mini-router-faults-')));
  const ground: Ground = { options, redis, group: uniqueGroup(), record };
  const upstreams: { part: Part; url: string }[] = [];
  for (let i = 1; i <= options.upstreams; i++) upstreams.push(await createUpstream(ground, `upstream-${i}`));
  const hubs: { part: Part; url: string }[] = [];
  for (let i = 1; i <= options.hubs; i++) hubs.push(await createHub(ground, `hub-${i}`));
  const agents: Part[] = [];
  for (let i = 1; i <= options.agents; i++) {
    const { url } = upstreams[i % upstreams.length] ?? { url: '' };
    agents.push(await createAgent(ground, `agent-${i}`, url));
  }
  const parts = [...upstreams, ...hubs].map(({ part }) => part);
  await Promise.all(parts.map((part) => part.start()));
  // A hub writes the group's lease when it connects: agents that come later go by it from the start.
  await Promise.all(agents.slice(0, agents.length - options.lateAgents).map((part) => part.start()));
  return new World({
    redis,
    record,
    agents,
    group: ground.group,
    leaseMs: options.leaseMs,
    deadlineMs: options.deadlineMs,
    hubs: hubs.map(({ part }) => part),
    upstreams: upstreams.map(({ part }) => part),
    hubUrls: hubs.map(({ url }) => url),
    upstreamUrls: upstreams.map(({ url }) => url),
  });
}

async function createUpstream(ground: Ground, name: string): Promise<{ part: Part; url: string }> {
  const port = await freePort();
  const file = ground.record.upstreamFile(name);
  const start = async () => {
    const process = startProgram('upstream', [String(port), file]);
    await process.waitForLine('listening');
    return process;
  };
  return { part: new Part({ name, start, mayKeep: Infinity }), url: `http://127.0.0.1:${port}` };
}

async function createHub(ground: Ground, name: string): Promise<{ part: Part; url: string }> {
  const { options, redis, group } = ground;
  const port = await freePort();
  const proxy = await proxyHere(ground);
  const flags = ['--lease', `${options.leaseMs}ms`, '--total-timeout', `${options.deadlineMs}ms`];
  flags.push('--drain', '1s', '--log-level', LOG_LEVEL, ...options.hubFlags);
  const url = proxy ? `redis://127.0.0.1:${proxy.port}` : (redis.storeUrl ?? redis.url);
  const start = () => hubProcess(url, group, flags, { port, env: options.env(name) });
  return { part: new Part({ name, start, proxy, mayKeep: 0 }), url: `http://127.0.0.1:${port}` };
}

async function createAgent(ground: Ground, name: string, upstream: string): Promise<Part> {
  const { options, redis, group } = ground;
  const proxy = await proxyHere(ground);
  const url = proxy ? `redis://127.0.0.1:${proxy.port}` : (redis.storeUrl ?? redis.url);
  const upstreams = Array<string>(options.instances).fill(upstream).join(',');
  const flags = ['--concurrency', String(options.concurrency), '--drain', '1s', '--log-level', LOG_LEVEL];
  flags.push('--set-header', `x-agent: ${name}`);
  // Several instances of one agent are called name-1, name-2, and so on.
  const last = options.instances > 1 ? `${name}-${options.instances}.` : `${name}.`;
  const start = async () => {
    // Instances that were killed are still listed, for up to a lease.
    const before = await instancesOf(redis.url, group);
    const process = await agentProcess(url, group, upstreams, {
      name,
      flags,
      env: options.env(name),
      waitUntilJoined: false,
    });
    const hasJoined = async () =>
      (await instancesOf(redis.url, group)).some((each) => each.startsWith(last) && !before.includes(each));
    await waitFor(hasJoined, { what: `${name} to join`, timeoutMs: 20_000 });
    return process;
  };
  // Calls with a body that follows have connections of their own.
  return new Part({ name, start, proxy, mayKeep: 2 * options.instances * options.concurrency });
}

async function proxyHere({ options, redis }: Ground): Promise<FaultProxy | undefined> {
  if (!options.proxied) return undefined;
  const proxy = await startFaultProxy(redis.port);
  onTestFinished(() => proxy.close());
  return proxy;
}

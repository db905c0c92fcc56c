import type { RequestListener } from 'node:http';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import type { Agent } from '../../router-core/agent/agent.ts';
import type { AgentConfig } from '../../router-core/agent/settings.ts';
import type { HubConfig } from '../../router-core/hub/settings.ts';
import { freePort } from './ports.ts';
import { launch, type LaunchedProcess } from './processes.ts';
import { startRedis, type RedisOptions, type TestRedis } from './redis.ts';
import { leftovers, startTestAgent, startTestHub, startUpstream, statusOf } from './router.ts';
import type { TestHub, TestUpstream } from './router.ts';
import { waitFor } from './wait.ts';

// Every part here belongs to the test that starts it, and ends with it, whether the test passes or not.

/** Short, so that a test that fails with requests still running ends soon. */
const DRAIN_MS = 600;

/** To be started first: it is stopped last. */
export async function redisHere(options: RedisOptions = {}): Promise<TestRedis> {
  const redis = await startRedis(options);
  onTestFinished(() => redis.stop());
  return redis;
}

export async function upstreamHere(listener: RequestListener, port = 0): Promise<TestUpstream> {
  const upstream = await startUpstream(listener, port);
  onTestFinished(() => upstream.close());
  return upstream;
}

export async function hubHere(url: string, group: string, config: Partial<HubConfig> = {}): Promise<TestHub> {
  const hub = await startTestHub(url, group, { drainMs: DRAIN_MS, ...config });
  onTestFinished(() => hub.close());
  return hub;
}

export async function agentHere(
  url: string,
  group: string,
  upstream: string | string[],
  config: Partial<AgentConfig> = {},
): Promise<Agent> {
  const agent = await startTestAgent(url, group, upstream, { drainMs: DRAIN_MS, ...config });
  onTestFinished(() => agent.close());
  return agent;
}

export interface HubProcess extends LaunchedProcess {
  readonly url: string;
}

const QUIET = ['--log-level', 'warn'];

/** A real hub process; ready unless `waitUntilReady` is false. */
export async function hubProcess(
  redisUrl: string,
  group: string,
  flags: string[] = [],
  {
    waitUntilReady = true,
    port,
    ...options
  }: { waitUntilReady?: boolean; port?: number; env?: NodeJS.ProcessEnv; openFiles?: number } = {},
): Promise<HubProcess> {
  const usedPort = port ?? (await freePort());
  const at = ['--host', '127.0.0.1', '--port', String(usedPort)];
  const all = ['hub', '--redis', redisUrl, '--group', group, '--lease', '1500ms', ...at, ...QUIET, ...flags];
  const hub = launch('router-core', all, options);
  onTestFinished(() => hub.kill('SIGKILL'));
  const url = `http://127.0.0.1:${usedPort}`;
  if (waitUntilReady) {
    const over = hub.ended.then(() => Promise.reject(new Error(`the hub has ended: ${hub.stderr}`)));
    const ready = waitFor(() => isReady(url), { timeoutMs: 30_000, what: 'the hub to be ready' });
    await Promise.race([ready, over]);
  }
  return Object.assign(hub, { url });
}

/** A real agent process; in its group unless `waitUntilJoined` is false. */
export async function agentProcess(
  redisUrl: string,
  group: string,
  upstream: string,
  {
    name,
    flags = [],
    waitUntilJoined = true,
    ...options
  }: {
    name: string;
    flags?: string[];
    waitUntilJoined?: boolean;
    env?: NodeJS.ProcessEnv;
    openFiles?: number;
  },
): Promise<LaunchedProcess> {
  const where = ['--redis', redisUrl, '--group', group, '--upstream', upstream, '--name', name];
  const agent = launch('router-core', ['agent', ...where, ...QUIET, ...flags], options);
  onTestFinished(() => agent.kill('SIGKILL'));
  if (waitUntilJoined) await waitForInstance(redisUrl, group, name);
  return agent;
}

export async function isReady(hubUrl: string): Promise<boolean> {
  return (await statusOf(`${hubUrl}/_router/ready`)) === 200;
}

/** Runs commands on a connection of their own. */
export async function withRedis<T>(redisUrl: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(redisUrl, { protocol: 2 });
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

/** Instances that a group knows of, dead ones until the sweep finds them. */
export function instancesOf(redisUrl: string, group: string): Promise<string[]> {
  return withRedis(redisUrl, (redis) => redis.zrange(`mr:{${group}}:instances`, '0', '-1'));
}

/** Resolves with the number of requests that wait for a slot when it is `count`. */
export async function waitForQueued(redisUrl: string, group: string, count: number): Promise<void> {
  await withRedis(redisUrl, (redis) =>
    waitFor(async () => (await redis.xlen(`mr:{${group}}:waiting`)) === count, { what: `${count} waiting` }),
  );
}

/** Resolves when an instance of this name has reported for the first time: from then on it has slots. */
export async function waitForInstance(redisUrl: string, group: string, name: string): Promise<void> {
  await withRedis(redisUrl, (redis) =>
    waitFor(
      async () => {
        const reported = await redis.hkeys(`mr:{${group}}:reports`);
        return reported.some((instance) => instance.startsWith(`${name}.`));
      },
      { what: `an instance of ${name}` },
    ),
  );
}

/** Promise 6: nothing of any request is left. Fails with what is there after `timeoutMs`. */
export async function expectNothingLeft(redisUrl: string, group: string, timeoutMs = 10_000): Promise<void> {
  let left = await leftovers(redisUrl, group);
  const isEmpty = async () => {
    left = await leftovers(redisUrl, group);
    return left.keys.length + left.permits + left.entries === 0;
  };
  await waitFor(isEmpty, { timeoutMs, what: 'nothing to be left' }).catch((error: unknown) => {
    throw new Error(`still in Redis: ${JSON.stringify(left)}`, { cause: error });
  });
}

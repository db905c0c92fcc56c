import { z } from 'zod';
import { withoutLogin } from './contexts/redis-address.ts';
import type { LogLine } from './log-line.ts';
import type { PartSet } from './part-set.ts';
import { findRedisEngine } from './redis-engine.ts';
import type { RunningPart } from './up-report.ts';

/** Running requests may finish, but the person who pressed Ctrl-C waits for the prompt. */
const DRAIN = ['--drain', '3s'];

/** The parts announce in an info line that they are ready, so a variable must not silence it. */
const LOG_LEVEL = ['--log-level', 'info'];

export interface StartContext {
  parts: PartSet;
  /** The parts inherit it: ROUTER_… variables tune them where `up` has no flag of its own. */
  env: NodeJS.ProcessEnv;
}

/** The Redis at `givenUrl`, or else a private one. The URL may contain a password, the shown address does not. */
export async function startRedis({ parts, env }: StartContext, givenUrl: string | undefined) {
  if (givenUrl !== undefined) {
    const address = withoutLogin(givenUrl);
    return { name: 'redis', what: 'given', address, pid: undefined, url: givenUrl };
  }
  // Looked for here as well, so that a missing engine is one line and not a part that failed to start.
  await findRedisEngine();
  const { line } = await parts.start('redis', {
    name: 'redis',
    launcher: 'router-cli',
    args: ['private-redis'],
    env,
    readyWhen: { logs: 'redis ready' },
  });
  const { url, redisPid: pid } = z.object({ url: z.string(), redisPid: z.number() }).parse(line.fields);
  return { name: 'redis', what: 'private, in memory', address: url, pid, url };
}

export async function startDemo({ parts, env }: StartContext): Promise<RunningPart> {
  const { part, line } = await parts.start('demo', {
    name: 'demo',
    launcher: 'router-cli',
    args: ['demo-upstream', '--port', '0'],
    env,
    readyWhen: { logs: 'demo upstream ready' },
  });
  const { url } = z.object({ url: z.string() }).parse(line.fields);
  return { name: 'demo', what: 'demo upstream', address: url, pid: part.pid };
}

/** The Redis URL is passed in the environment: every user of the machine can read command lines. */
export async function startHub(
  { parts, env }: StartContext,
  { port, redisUrl }: { port: number; redisUrl: string },
): Promise<RunningPart> {
  const address = `http://127.0.0.1:${port}`;
  const { part } = await parts.start('hub', {
    name: 'hub',
    launcher: 'router-core',
    args: [
      'hub',
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--group',
      'default',
      ...DRAIN,
      ...LOG_LEVEL,
    ],
    env: { ...env, ROUTER_REDIS_URL: redisUrl },
    readyWhen: { logs: 'hub listening', answers: () => `${address}/_router/ready` },
    hint: 'does Redis answer?',
  });
  return { name: 'hub', what: 'takes requests', address, pid: part.pid };
}

const boundPort = z.object({ port: z.number() });
const apiAddress = ({ fields }: LogLine) => `http://127.0.0.1:${boundPort.parse(fields).port}`;

/** Port 0 lets the process choose, so that no other process can take the port first. */
export async function startApi(
  { parts, env }: StartContext,
  { port, redisUrl, token }: { port: number; redisUrl: string; token: string },
): Promise<RunningPart> {
  const { part, line } = await parts.start('api', {
    name: 'api',
    launcher: 'router-api',
    args: ['--host', '127.0.0.1', '--port', String(port), ...LOG_LEVEL],
    env: { ...env, ROUTER_REDIS_URL: redisUrl, ROUTER_ADMIN_TOKEN: token },
    readyWhen: { logs: 'api ready', answers: (ready) => `${apiAddress(ready)}/ready` },
    hint: 'does Redis answer?',
  });
  return { name: 'api', what: 'router-api', address: apiAddress(line), pid: part.pid };
}

interface AgentStart {
  name: string;
  url: string;
  concurrency: number;
  redisUrl: string;
}

export async function startAgent(
  { parts, env }: StartContext,
  { name, url, concurrency, redisUrl }: AgentStart,
): Promise<RunningPart> {
  const identity = ['--group', 'default', '--name', name];
  const { part } = await parts.start('agent', {
    name,
    launcher: 'router-core',
    args: [
      'agent',
      '--upstream',
      url,
      '--concurrency',
      String(concurrency),
      ...identity,
      ...DRAIN,
      ...LOG_LEVEL,
    ],
    env: { ...env, ROUTER_REDIS_URL: redisUrl },
    // The agent is ready once its upstream is there, which may come later.
    readyWhen: { logs: 'agent has joined its group' },
    hint: 'does Redis answer?',
  });
  return { name, what: `agent, ${concurrency} at once`, address: url, pid: part.pid };
}

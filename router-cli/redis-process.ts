import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type NetConnectOpts } from 'node:net';
import { sleep } from '../router-core/runtime/backoff.ts';
import type { RedisEngine, RedisPlace } from './redis-engine.ts';

/** A server in Docker may have to be downloaded first. */
const DIRECT_START_MS = 15_000;
const DOCKER_START_MS = 180_000;

export interface RedisProcess {
  /** The process id of the server, or of the docker command that runs it. */
  readonly pid: number;
  /** Resolves when its process has ended, with a text that says how: "was ended by SIGKILL". */
  readonly ended: Promise<string>;
  signal(name: NodeJS.Signals): void;
}

/** The server ended, or did not answer in time. */
export class RedisStartError extends Error {
  readonly portTaken: boolean;

  constructor(how: string, output: string) {
    super(`the private Redis ${how}`);
    this.portTaken = /address already in use|port is already allocated/i.test(output);
  }
}

/**
 * Starts one server and waits until it answers. It stores nothing on disk unless `args` ask for it, and reads no configuration
 * file.
 */
export async function startRedisProcess(
  engine: RedisEngine,
  { args = [], ...place }: Omit<RedisPlace, 'args'> & { args?: string[] },
): Promise<RedisProcess> {
  const { program, args: allArgs } = engine.command({
    ...place,
    args: ['--save', '', '--appendonly', 'no', ...args],
  });
  const child = spawn(program, allArgs, { stdio: ['ignore', 'pipe', 'pipe'] });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;

  let output = '';
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-4096);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const ended = once(child, 'close').then(() => {
    const how = child.signalCode
      ? `was ended by ${child.signalCode}`
      : `ended with code ${child.exitCode ?? '?'}`;
    return `${how}: ${output.trim().split('\n').at(-1) ?? ''}`;
  });

  const until = performance.now() + (engine.isDirect ? DIRECT_START_MS : DOCKER_START_MS);
  const expected = engine.isDirect ? pid : undefined;
  const { socket, port } = place;
  const address = socket === undefined ? { host: '127.0.0.1', port } : { path: socket };
  while (!(await isReady(address, expected))) {
    const gone = child.exitCode !== null || child.signalCode !== null;
    if (gone) throw new RedisStartError(await ended, output);
    if (performance.now() > until) {
      child.kill('SIGKILL');
      throw new RedisStartError(`did not answer in time and ${await ended}`, output);
    }
    await sleep(20);
  }
  return { pid, ended, signal: (name) => void child.kill(name) };
}

/**
 * True when the server at `address` answers and is the process that was started: another one may have taken the port in the
 * meantime. A server that asks for a password counts as ready.
 */
async function isReady(address: NetConnectOpts, pid: number | undefined): Promise<boolean> {
  const socket = connect(address);
  socket.setTimeout(1000, () => socket.destroy());
  socket.write('PING\r\nINFO server\r\nQUIT\r\n');
  let reply = '';
  try {
    for await (const chunk of socket) reply += String(chunk);
  } catch {
    return false;
  }
  if (reply.startsWith('-NOAUTH')) return true;
  return reply.startsWith('+PONG') && (pid === undefined || reply.includes(`process_id:${pid}\r`));
}

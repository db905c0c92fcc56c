import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { findProgram } from '../router-core/runtime/find-program.ts';
import { CommandError } from '../router-core/runtime/run-command.ts';

const IMAGE = 'redis:7-alpine';

export interface RedisCommand {
  program: string;
  args: string[];
}

export interface RedisPlace {
  /** A port on 127.0.0.1; 0 for none. */
  readonly port: number;
  /** The path of a Unix socket that only this user can open. Not in Docker. */
  readonly socket?: string | undefined;
  /** The directory of its data. */
  readonly dir: string;
  readonly args: string[];
}

/** A way to run a Redis on this machine. */
export interface RedisEngine {
  /** False when the started process is not the server itself, so that their process ids differ. */
  readonly isDirect: boolean;
  command(place: RedisPlace): RedisCommand;
}

/** redis-server or valkey-server if one is installed, else Docker. */
export async function findRedisEngine(): Promise<RedisEngine> {
  const program = findProgram('redis-server', 'valkey-server');
  if (program !== undefined) return binaryEngine(program);
  if (await dockerAnswers()) return dockerEngine();
  throw new CommandError(
    'no Redis to start: install redis-server or valkey-server, or start Docker, ' +
      'or use one that is running with --redis redis://host:6379',
    { exitCode: 1 },
  );
}

export function binaryEngine(program: string): RedisEngine {
  const [first, ...before] = [...dyingWithUs(), program];
  return {
    isDirect: true,
    command({ port, socket, dir, args }) {
      const listen = ['--bind', '127.0.0.1', '--port', String(port)];
      if (socket !== undefined) listen.push('--unixsocket', socket, '--unixsocketperm', '700');
      return { program: first, args: [...before, ...listen, '--dir', dir, ...args] };
    },
  };
}

/**
 * Arguments before a command that make Linux kill it with its parent, so that not even a SIGKILL leaves a server behind.
 * util-linux has this; busybox's setpriv does not, and everything else works without it.
 */
function dyingWithUs(): string[] {
  const setpriv = findProgram('setpriv');
  if (setpriv === undefined) return [];
  const guard = [setpriv, '--pdeathsig', 'KILL'];
  return spawnSync(setpriv, [...guard.slice(1), 'true']).status === 0 ? guard : [];
}

function dockerEngine(): RedisEngine {
  // As this user, so that the files of Redis in `dir` can be deleted.
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  const server = [IMAGE, 'redis-server', '--protected-mode', 'no', '--dir', '/data'];
  return {
    isDirect: false,
    command({ port, dir, args }) {
      const mapping = ['--publish', `127.0.0.1:${port}:6379`, '--volume', `${dir}:/data`];
      // In the foreground: docker passes SIGTERM on to the server and removes the container at its end.
      return { program: 'docker', args: ['run', '--rm', '--user', user, ...mapping, ...server, ...args] };
    },
  };
}

async function dockerAnswers(): Promise<boolean> {
  if (findProgram('docker') === undefined) return false;
  try {
    await promisify(execFile)('docker', ['info'], { timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

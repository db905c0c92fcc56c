import { basename } from 'node:path';
import { binaryEngine, type RedisEngine } from '../../router-cli/redis-engine.ts';
import { findProgram } from '../../router-core/runtime/find-program.ts';

/** The server that tests run on: the one that TEST_ENGINE names (see scripts/test-engines.mjs), or whichever there is. */
export function engineProgram(): string | undefined {
  const wanted = process.env['TEST_ENGINE'];
  if (wanted === undefined) return findProgram('redis-server', 'valkey-server');
  const program = findProgram(wanted);
  if (program === undefined) throw new Error(`TEST_ENGINE names ${wanted}, which is not on PATH`);
  return program;
}

export function engineOf(program: string): RedisEngine {
  return basename(program) === 'dragonfly' ? dragonfly(program) : binaryEngine(program);
}

/** True when the engine can be a Cluster, and be watched by sentinels: as processes, with Redis's own flags. */
export function hasClusters(): boolean {
  const program = engineProgram();
  return program !== undefined && basename(program) !== 'dragonfly';
}

/**
 * True when a server is to be a Cluster of its own, with all slots (see scripts/test-engines.mjs): then it refuses commands
 * that mix keys of several slots. Tests make nodes of larger Clusters and servers with replicas themselves.
 */
export function isOneNodeCluster(args: readonly string[]): boolean {
  const isSpecial = args.includes('--cluster-enabled') || args.includes('--repl-diskless-sync-delay');
  return process.env['TEST_CLUSTER'] === '1' && !isSpecial;
}

/** Flags of tests that Dragonfly has under the same name; it needs no others. */
const DRAGONFLY_FLAGS = new Set(['--requirepass', '--maxmemory']);
const DRAGONFLY_HABITS = new Set(['--save ', '--appendonly no', '--maxmemory-policy noeviction']);

function dragonfly(program: string): RedisEngine {
  return {
    // It does not say its process id where Redis does.
    isDirect: false,
    command({ port, dir, args }) {
      const flags = ['--bind', '127.0.0.1', '--port', String(port), '--dir', dir, '--dbfilename', ''];
      for (let i = 0; i < args.length; i += 2) {
        const [name = '', value = ''] = args.slice(i, i + 2);
        if (DRAGONFLY_HABITS.has(`${name} ${value}`)) continue;
        if (!DRAGONFLY_FLAGS.has(name)) throw new Error(`Dragonfly has no ${name}`);
        flags.push(name, value);
      }
      return { program, args: [...flags, '--proactor_threads', '1'] };
    },
  };
}

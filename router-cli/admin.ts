import { once } from 'node:events';
import { createToken } from '../router-core/config/token.ts';
import { matching, redisUrl } from '../router-core/runtime/options.ts';
import { CommandError } from '../router-core/runtime/run-command.ts';
import { spawnProgram } from '../router-core/runtime/spawn-program.ts';
import type { ConfigOf, Settings } from '../router-core/runtime/settings.ts';

export const adminInitSettings = {
  redisUrl: {
    flag: '--redis <url>',
    about: 'the Redis that router-api uses',
    env: 'ROUTER_REDIS_URL',
    type: redisUrl(),
  },
  name: {
    flag: '--name <name>',
    about: 'of the admin',
    default: 'root',
    type: matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'a name of letters, digits, . _ -'),
  },
} satisfies Settings;

/**
 * Makes an admin without an API, and prints its token. The launcher of router-api does it, because router-cli may not connect
 * to Redis. The URL is passed in the environment: every user of the machine can read command lines.
 */
export async function initAdmin(
  { redisUrl: url, name }: ConfigOf<typeof adminInitSettings>,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const child = spawnProgram('router-api', ['init-admin', '--name', name], {
    env: { ...env, ROUTER_REDIS_URL: url },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  await once(child, 'close');
  if (child.exitCode === 0) return;
  throw new CommandError(complaint.trim().replace(/^router-api: error: /, ''), {
    exitCode: child.exitCode ?? 1,
  });
}

/** Prints a token for ROUTER_ADMIN_TOKEN of router-api; it is stored nowhere. */
export function printAdminToken(): void {
  process.stdout.write(`${createToken('admin', new Date().toISOString()).token}\n`);
}

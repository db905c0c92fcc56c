import { ConfigRefusal } from '../router-core/config/config-refusal.ts';
import { StoreUnavailableError } from '../router-core/exchange/store-unavailable.ts';
import { createAdmin } from '../router-core/redis/control/create-admin.ts';
import { createLogger } from '../router-core/runtime/logger.ts';
import { CommandError } from '../router-core/runtime/run-command.ts';
import type { ConfigOf } from '../router-core/runtime/settings.ts';
import type { initAdminSettings } from './settings.ts';

/** Prints only the token of a new admin, so that it can be piped. */
export async function initAdmin(config: ConfigOf<typeof initAdminSettings>): Promise<void> {
  const log = createLogger({ level: 'silent', name: 'init-admin' });
  try {
    process.stdout.write(`${await createAdmin(config, log)}\n`);
  } catch (error) {
    if (error instanceof ConfigRefusal) throw new CommandError(error.message, { exitCode: 1 });
    if (error instanceof StoreUnavailableError) {
      throw new CommandError('Redis does not answer: is --redis right?', { exitCode: 1 });
    }
    throw error;
  }
}

import { createToken } from '../../config/token.ts';
import type { Logger } from '../../runtime/logger.ts';
import { ConfigRefusal } from '../../config/config-refusal.ts';
import { ConfigWriter } from '../config/config-writer.ts';
import { StoreUnavailableError } from '../../exchange/store-unavailable.ts';
import { CONFIG_TAG } from '../scripts/keys.ts';
import { openStore } from '../connection/store.ts';

const PATIENCE_MS = 5_000;

/**
 * Writes an admin of role `admin` directly to Redis and returns its token: for the first admin, or when all tokens are lost.
 * Rejects with ConfigRefusal when the name is taken, and with StoreUnavailableError.
 */
export async function createAdmin(
  { redisUrl, name }: { redisUrl: string; name: string },
  log: Logger,
): Promise<string> {
  const store = openStore({ url: redisUrl, log });
  const commands = store.at(CONFIG_TAG, 'commands');
  try {
    if (!(await commands.readyWithin(PATIENCE_MS))) throw new StoreUnavailableError(false);
    // This writer changes no route, so it needs no check of routes.
    const writer = new ConfigWriter({ commands, checkRoute: () => [], onState: () => undefined, log });
    const { token, stored } = createToken('admin', new Date().toISOString());
    await writer.change({
      actor: { name: 'init-admin', tokenId: null, ip: null },
      action: 'create',
      edit: (state) => {
        if (state.admins.has(name)) {
          throw new ConfigRefusal('already-exists', `there is an admin named "${name}" already`);
        }
        return [{ kind: 'admin', name, fields: { name, role: 'admin' }, tokens: [stored] }];
      },
    });
    return token;
  } finally {
    store.close();
  }
}

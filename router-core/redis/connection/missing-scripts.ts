import type { Redis } from 'ioredis';
import { sleep } from '../../runtime/backoff.ts';
import type { Logger } from '../../runtime/logger.ts';
import { packageVersion } from '../../runtime/package-info.ts';
import { isScriptMissing } from './connection.ts';

/** The script as run-script.ts reads it. */
interface ScriptText {
  readonly source: string;
  readonly sha: string;
}

/** How long one call waits for a script that this login may not load: then its caller checks again if it still needs it, ms. */
const PATIENCE_MS = 1_000;
const LOOK_MS = 50;

/**
 * Clients whose login may run scripts and not load any: with a stolen token of an agent nobody can bring code into Redis. The
 * value says if the log shows that they wait.
 */
const guests = new WeakMap<Redis, { readonly log: Logger; isSaid: boolean }>();

/** Notes that this client has the login of an agent's token. */
export function noteGuest(client: Redis, log: Logger): void {
  guests.set(client, { log, isSaid: false });
}

/** Loads a script, or waits until another process has loaded it. Rejects with NOSCRIPT when nobody has in time. */
export async function provideScript(client: Redis, { source, sha }: ScriptText): Promise<void> {
  const guest = guests.get(client);
  if (!guest) return void (await client.script('LOAD', source));
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    await sleep(LOOK_MS);
    try {
      // A call without keys fails at once with another error, unless the server does not know the script.
      await client.evalsha(sha, 0);
    } catch (error) {
      if (!isScriptMissing(error)) break;
      if (performance.now() < giveUpAt) continue;
      if (!guest.isSaid) {
        guest.log.warn(
          `this Redis does not know the scripts of agent version ${packageVersion()}: ` +
            'start a hub or router-api of the same version',
        );
      }
      guest.isSaid = true;
      throw error;
    }
    break;
  }
  if (guest.isSaid) guest.log.info('this Redis knows the scripts now');
  guest.isSaid = false;
}

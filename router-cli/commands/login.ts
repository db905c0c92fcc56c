import type { Command } from 'commander';
import { parseToken } from '../../router-core/config/token.ts';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { CommandError } from '../../router-core/runtime/run-command.ts';
import { matching, redisUrl } from '../../router-core/runtime/options.ts';
import { ApiClient } from '../api/client.ts';
import { ApiFailure } from '../api/failure.ts';
import { whoAmI, type Me } from '../api/me.ts';
import { checkApiUrl } from '../contexts/choose-context.ts';
import { withoutLogin } from '../contexts/redis-address.ts';
import { contextFilePath, editContexts } from '../contexts/context-file.ts';
import { askSecret, readStandardInput } from '../terminal/ask.ts';
import type { Surroundings } from '../surroundings.ts';
import { showProgress } from '../terminal/progress.ts';
import { addCommand, runs } from './api-command.ts';
import { useFlag } from './flags.ts';

/** Not every process knows a token that was made a moment ago. */
const KNOWN_AFTER_MS = 1_500;

const NAME = matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'a name of letters, digits, . _ -');

/** `login`: checks a token, and stores it with its URL as a context. */
export function loginCommand(parent: Command, surroundings: Surroundings): void {
  const command = addCommand(parent, {
    name: 'login',
    args: '<url>',
    about: 'keep the URL of a router-api and an admin token as a context, and make it the current one',
    json: '{"context", "url", "name", "role"}',
  });
  const name = useFlag(command, {
    flag: '--name <context>',
    about: 'its name (default: the host of the URL)',
    type: NAME,
  });
  const redis = useFlag(command, {
    flag: '--redis <url>',
    about: 'the Redis that agents dial, for the commands that `agent add` prints',
    type: redisUrl(),
  });
  command.option('--with-token', 'read the token from standard input');
  runs(command, surroundings, async ({ args: [given = ''], out, surroundings: { env } }) => {
    checkApiUrl(given, 'the URL');
    const url = given.replace(/\/+$/, '');
    const token = await readToken({ fromInput: command.getOptionValue('withToken') === true, url, env });
    const { name: admin, role } = await tryToken(new ApiClient({ url, token }, showProgress));
    const context =
      name() ?? new URL(url).host.replace(/[^A-Za-z0-9._-]/g, '-').replace(/^[^A-Za-z0-9]+/, '');
    const redisHere = redis();
    await editContexts(contextFilePath(env), ({ contexts }) => ({
      current: context,
      contexts: {
        ...contexts,
        [context]: { url, token, ...(redisHere !== undefined && { redisUrl: withoutLogin(redisHere) }) },
      },
    }));
    if (isInTheClear(url)) out.note(`Note: ${url} is without TLS: everybody on the way can read the token.`);
    out.show({ context, url, name: admin, role }, () => [
      `Logged in to ${url} as ${admin} (${role}); the current context is ${context}.`,
    ]);
  });
}

interface TokenSource {
  readonly fromInput: boolean;
  readonly url: string;
  readonly env: NodeJS.ProcessEnv;
}

async function readToken({ fromInput, url, env }: TokenSource): Promise<string> {
  const fromEnv = env['ROUTER_API_TOKEN'];
  const text = fromInput
    ? await readStandardInput()
    : fromEnv || (await askSecret(`Admin token for ${url}: `));
  const token = text.trim();
  if (parseToken(token)?.kind === 'admin') return token;
  throw new CommandError(
    'that is no whole admin token, mr_admin_<id>_<secret>_<checksum>\n' +
      '  The first one is made where Redis can be reached: router-cli admin init --redis URL',
  );
}

async function tryToken(api: ApiClient): Promise<Me> {
  try {
    return await whoAmI(api);
  } catch (error) {
    if (!(error instanceof ApiFailure) || error.code !== 'unauthorized') throw error;
    await sleep(KNOWN_AFTER_MS);
    return whoAmI(api);
  }
}

function isInTheClear(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && !/^(localhost|127\..*|\[::1\])$/.test(hostname);
}

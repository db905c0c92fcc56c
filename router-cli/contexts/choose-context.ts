import { CommandError } from '../../router-core/runtime/run-command.ts';
import type { ApiTarget } from '../api/client.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { withoutLogin } from './redis-address.ts';
import { contextFilePath, readContexts, type Contexts } from './context-file.ts';

export interface ChosenTarget extends ApiTarget {
  /** Undefined when variables name the API. */
  readonly context: string | undefined;
  /** The address of Redis for agents, without a login, if it is known. */
  readonly redisUrl: string | undefined;
}

/**
 * The API and the token to use: variables take precedence over `--context`, which takes precedence over the current context.
 */
export async function chooseTarget(
  env: NodeJS.ProcessEnv,
  wanted: string | undefined,
): Promise<ChosenTarget> {
  const url = env['ROUTER_API_URL'] || undefined;
  const token = env['ROUTER_API_TOKEN'] || undefined;
  if (url !== undefined) checkApiUrl(url, 'ROUTER_API_URL');
  const redisUrl = redisFrom(env);
  if (url !== undefined && token !== undefined) return { url, token, context: undefined, redisUrl };
  const contexts = await readContexts(contextFilePath(env));
  const name = wanted ?? contexts.current ?? undefined;
  const context = name === undefined ? undefined : contextNamed(contexts, name);
  if (context === undefined && token !== undefined) {
    throw new CommandError('ROUTER_API_TOKEN is set, but no URL: set ROUTER_API_URL, too');
  }
  if (url !== undefined && context?.url !== url) {
    // The token of one API must not be sent to another.
    throw new CommandError(`ROUTER_API_URL is set, but no token for it: set ROUTER_API_TOKEN, too`);
  }
  if (context === undefined) {
    throw new CommandError(
      'no API to talk to yet\n' +
        '  Log in: router-cli login URL; or set ROUTER_API_URL and ROUTER_API_TOKEN;\n' +
        '  or start everything on this machine: router-cli up --demo',
    );
  }
  return {
    url: context.url,
    token: token ?? context.token,
    context: name,
    redisUrl: redisUrl ?? context.redisUrl,
  };
}

function redisFrom(env: NodeJS.ProcessEnv): string | undefined {
  const url = env['ROUTER_REDIS_URL'] ?? '';
  return URL.canParse(url) ? withoutLogin(url) : undefined;
}

/** Throws when there is none. */
export function contextNamed({ contexts }: Contexts, name: string) {
  const context = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
  if (context) return context;
  throw new CommandError(
    `there is no context named "${name}"\n  See what there is: router-cli context list`,
    {
      exitCode: EXIT_CODES.notFound.code,
    },
  );
}

/** Errors never repeat the URL: it may contain a password. */
export function checkApiUrl(text: string, where: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (isHttp && url.username === '' && url.password === '' && url.search === '' && url.hash === '') return;
  throw new CommandError(
    `${where}: expected a URL such as http://127.0.0.1:8081 or https://router.example.com`,
  );
}

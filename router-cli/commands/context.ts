import type { Command } from 'commander';
import { ApiClient } from '../api/client.ts';
import { ApiFailure } from '../api/failure.ts';
import { whoAmI, type Me } from '../api/me.ts';
import { chooseTarget, contextNamed } from '../contexts/choose-context.ts';
import { contextFilePath, editContexts, readContexts } from '../contexts/context-file.ts';
import { showProgress } from '../terminal/progress.ts';
import { table } from '../terminal/table.ts';
import { timeInWords } from '../terminal/words.ts';
import type { Surroundings } from '../surroundings.ts';
import { addCommand, runs } from './api-command.ts';

/** The rest is known without the API, so a longer wait is not worth it. */
const ANSWER_WITHIN_MS = 5_000;

/** The id of a token, which is no secret: `admin show` lists it, too. */
function tokenId(token: string): string {
  return token.split('_')[2] ?? '';
}

/** The APIs that this user knows, and the current one. */
export function contextCommands(program: Command, surroundings: Surroundings): void {
  const parent = program.command('context').description('which router-api the commands talk to');
  const path = contextFilePath(surroundings.env);
  listCommand(parent, surroundings, path);

  showCommand(parent, surroundings);

  const use = addCommand(parent, {
    name: 'use',
    args: '<name>',
    about: 'make a context the current one',
    json: '{"current"}',
  });
  runs(use, surroundings, async ({ out, args: [name = ''] }) => {
    await editContexts(path, (contexts) => {
      contextNamed(contexts, name);
      return { ...contexts, current: name };
    });
    out.show({ current: name }, () => [`The current context is ${name}.`]);
  });

  const remove = addCommand(parent, {
    name: 'remove',
    args: '<name>',
    about: 'forget a context and its token',
    json: '{"removed"}',
  }).alias('rm');
  runs(remove, surroundings, async ({ out, args: [name = ''] }) => {
    await editContexts(path, (all) => {
      contextNamed(all, name);
      const { [name]: _removed, ...contexts } = all.contexts;
      return { current: all.current === name ? null : all.current, contexts };
    });
    out.show({ removed: name }, () => [`Forgot the context ${name}; its token is still valid.`]);
  });
}

function showCommand(parent: Command, surroundings: Surroundings): void {
  const show = addCommand(parent, {
    name: 'show',
    about: 'show which API is used, with variables taken into account, and who you are there',
    json:
      '{"context", "url", "tokenId", "name", "role", "expiresAt"}; ' +
      'context is null when variables replace it, name and role when the API does not answer',
  });
  runs(show, surroundings, async ({ out }) => {
    const target = await chooseTarget(surroundings.env, undefined);
    const { context = null, url, token } = target;
    const me = await whoAmI(new ApiClient(target, showProgress), {
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    }).catch((error: unknown) => {
      if (!(error instanceof ApiFailure)) throw error;
      out.note(error.message);
      return undefined;
    });
    const { name = null, role = null, expiresAt = null } = me ?? {};
    out.show({ context, url, tokenId: tokenId(token), name, role, expiresAt }, () => [
      [context ?? 'from variables', url, ...(me ? [describeMe(me)] : [])].join('  '),
    ]);
  });
}

function describeMe({ name, role, expiresAt }: Me): string {
  return `${name} (${role})${expiresAt === null ? '' : `, token ends ${timeInWords(expiresAt)}`}`;
}

function listCommand(parent: Command, surroundings: Surroundings, path: string): void {
  const list = addCommand(parent, {
    name: 'list',
    about: 'list contexts',
    json: 'an array of {"name", "current", "url", "tokenId", "redis"}',
  }).alias('ls');
  runs(list, surroundings, async ({ out }) => {
    const { current, contexts } = await readContexts(path);
    const rows = Object.entries(contexts).map(([name, { url, token, redisUrl = null }]) => {
      return { name, current: name === current, url, tokenId: tokenId(token), redis: redisUrl !== null };
    });
    const { env } = surroundings;
    if (env['ROUTER_API_URL'] && env['ROUTER_API_TOKEN']) {
      out.note('ROUTER_API_URL and ROUTER_API_TOKEN are set: they take precedence over all of these');
    }
    if (rows.length === 0) out.note('there are no contexts yet: router-cli login URL makes one');
    out.show(rows, () => {
      if (rows.length === 0) return [];
      return table(
        rows,
        [
          { title: '', cell: (row) => (row.current ? '*' : '') },
          { title: 'NAME', cell: (row) => row.name },
          { title: 'URL', cell: (row) => row.url },
          { title: 'TOKEN', cell: (row) => row.tokenId },
        ],
        out,
      );
    });
  });
}

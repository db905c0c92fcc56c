import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import { TOKEN_KINDS } from '../../router-core/config/token.ts';
import { count as wholeNumber } from '../../router-core/runtime/options.ts';
import { CommandError } from '../../router-core/runtime/run-command.ts';
import type { ApiClient, JsonObject } from '../api/client.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { count } from '../terminal/words.ts';
import type { Surroundings } from '../surroundings.ts';
import { addApiCommand, addCommand, runs, type ApiInvocation } from './api-command.ts';
import { changeSchema, describeChanges, type Change } from './changes.ts';
import { useFlag } from './flags.ts';
import { showToken } from './show-token.ts';
import { readYaml } from './read-yaml.ts';
import { isObject } from './use-fields.ts';

const FILE = 'mini-router.yaml';
const MOST_NAMED = 20;

const appliedSchema = z.looseObject({
  changes: z.array(changeSchema),
  /** Missing in answers of a router-api that does not ask. */
  toConfirm: z.number().catch(0),
  tokens: z.array(z.object({ kind: z.enum(TOKEN_KINDS), name: z.string(), token: z.string() })).catch([]),
});

/** `config`: everything at once, as a file to be kept in a repository. */
export function configCommands(program: Command, surroundings: Surroundings): void {
  const parent = program.command('config').description('the whole configuration as a YAML file');
  initCommand(parent, surroundings);
  exportCommand(parent, surroundings);
  diffCommand(parent, surroundings);
  applyCommand(parent, surroundings);
}

function initCommand(parent: Command, surroundings: Surroundings): void {
  const command = addCommand(parent, {
    name: 'init',
    args: '[file]',
    about: `write a commented file to begin with (default: ${FILE}; - prints it)`,
    json: '{"file"}',
  }).option('--force', 'replace the file when it is there');
  runs(command, surroundings, async ({ args: [file = FILE], out }) => {
    const { configTemplate } = await import('./config-template.ts');
    const text = configTemplate();
    if (file === '-') {
      process.stdout.write(text);
      return;
    }
    await writeNew(file, text, { replace: command.getOptionValue('force') === true });
    out.show({ file }, () => [`Wrote ${file}. Edit it, then: router-cli config diff ${file}`]);
  });
}

async function writeNew(file: string, text: string, { replace }: { replace: boolean }): Promise<void> {
  // Headers that routes set may be secrets.
  await writeFile(file, text, { flag: replace ? 'w' : 'wx', mode: 0o600 }).catch(
    (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EEXIST' ? 'it is there already: --force replaces it' : error.message;
      throw new CommandError(`cannot write ${file}: ${reason}`, { exitCode: EXIT_CODES.failed.code });
    },
  );
}

function exportCommand(parent: Command, surroundings: Surroundings): void {
  addApiCommand(parent, surroundings, {
    name: 'export',
    args: '[file]',
    about: 'write the configuration without tokens as YAML (default: print it)',
    json: 'the document, instead of YAML',
    setUp(command) {
      command.option('--force', 'replace the file when it is there');
      return async ({ api, out, args: [file = '-'] }) => {
        const { body } = await api.call('GET', '/v1/config');
        const { stringify } = await import('yaml');
        const text = out.json ? `${JSON.stringify(body, null, 2)}\n` : stringify(body);
        if (file === '-') process.stdout.write(text);
        else {
          await writeNew(file, text, { replace: command.getOptionValue('force') === true });
          out.note(`Wrote ${file}.`);
        }
      };
    },
  });
}

function diffCommand(parent: Command, surroundings: Surroundings): void {
  addApiCommand(parent, surroundings, {
    name: 'diff',
    args: '[file]',
    about: `show what applying a file would change (default: ${FILE}; - is standard input)`,
    json: '{"changes": [{"kind", "name", "change", "fields": [[path, before, after]]}]}',
    setUp(command) {
      command.option('--exit-code', 'end with 1 when something would change');
      return async ({ api, out, args: [file = FILE] }) => {
        const { changes } = await planned(api, await readDocument(file));
        out.show({ changes }, () => describePlan(changes, (tone, text) => out.style(tone, text)));
        if (changes.length > 0 && command.getOptionValue('exitCode') === true) {
          process.exitCode = EXIT_CODES.failed.code;
        }
      };
    },
  });
}

function applyCommand(parent: Command, surroundings: Surroundings): void {
  addApiCommand(parent, surroundings, {
    name: 'apply',
    args: '[file]',
    about: `make the configuration what a file says: what it does not name is removed (default: ${FILE})`,
    json: '{"version", "changes", "tokens"}; changes as in diff, tokens of what is new',
    asks: true,
    setUp: (command) => {
      const yesDelete = useFlag(command, {
        flag: '--yes-delete <n>',
        about: 'how many objects this removes; needed when that is more than half of them, or all',
        type: wholeNumber({ from: 0, to: 999_999_999 }),
      });
      return (invocation) => applyFile(invocation, yesDelete());
    },
  });
}

async function applyFile(invocation: ApiInvocation, yesDelete: number | undefined): Promise<void> {
  const {
    api,
    out,
    args: [file = FILE],
    confirm,
    target,
  } = invocation;
  const document = await readDocument(file);
  const { changes, toConfirm, etag, body: plan } = await planned(api, document);
  if (changes.length === 0) {
    out.show(plan, () => ['Nothing to change.']);
    return;
  }
  out.note(describePlan(changes, (tone, text) => out.style(tone, text)).join('\n'));
  requireNumber(changes, toConfirm, yesDelete);
  await confirm(`Apply this to ${target.url}?`);
  // Only what was shown: when somebody else has written in the meantime, it is refused.
  const headers: Record<string, string> = etag === null ? {} : { 'if-match': etag };
  const { body } = await api.call('PUT', '/v1/config', { body: document, query: { yesDelete }, headers });
  const { tokens } = appliedSchema.parse(body);
  out.show(body, () => [
    `Applied ${count(changes.length, 'change')}.`,
    ...tokens.flatMap(({ kind, name, token }) => [
      '',
      `The ${kind} ${name} is new.`,
      ...showToken({ kind, object: { token }, isNew: true }, invocation),
    ]),
  ]);
}

/** Before anything is asked: what was shown is most of what there is, or not what its number says. */
function requireNumber(changes: readonly Change[], toConfirm: number, given: number | undefined): void {
  const removed = changes.filter(({ change }) => change === 'removed');
  if (given === undefined ? toConfirm === 0 : given === removed.length) return;
  const names = removed.slice(0, MOST_NAMED).map(({ kind, name }) => `${kind} ${name}`);
  const more = removed.length > MOST_NAMED ? [`and ${removed.length - MOST_NAMED} more`] : [];
  const what =
    removed.length === 0
      ? 'nothing'
      : `${count(removed.length, 'object')}: ${[...names, ...more].join(', ')}`;
  throw new CommandError(
    `nothing was changed: this removes ${what}. If that is what you want, say it with --yes-delete ${removed.length}`,
  );
}

async function readDocument(file: string): Promise<JsonObject> {
  const document = await readYaml(file);
  if (document === undefined || (isObject(document) && Object.keys(document).length === 0)) {
    throw new CommandError(
      `${file}: the document is empty. To remove everything, write empty lists ` +
        '(groups: [], routes: [], apps: [], agents: [], admins: []) and say with --yes-delete how many objects that removes',
    );
  }
  if (isObject(document)) return document;
  throw new CommandError(`${file}: expected lists named groups, routes, apps, agents and admins`);
}

async function planned(api: ApiClient, document: JsonObject) {
  const { body, headers } = await api.call('PUT', '/v1/config', {
    body: document,
    query: { dryRun: 'true' },
  });
  const { changes, toConfirm } = appliedSchema.parse(body);
  return { changes, toConfirm, etag: headers.get('etag'), body };
}

function describePlan(changes: readonly Change[], style: Parameters<typeof describeChanges>[1]): string[] {
  return changes.length === 0 ? ['Nothing to change.'] : describeChanges(changes, style);
}

import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { count as wholeNumber } from '../../router-core/runtime/options.ts';
import { CommandError } from '../../router-core/runtime/run-command.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import type { Surroundings } from '../surroundings.ts';
import { addApiCommand, addCommand, runs } from './api-command.ts';
import { applyDocument, describePlan, parseDocument, planned, readDocument } from './apply-document.ts';
import { editYaml } from './edit-yaml.ts';
import { useDryRun, useFlag } from './flags.ts';

const FILE = 'mini-router.yaml';

/** `config`: the whole configuration as a file, to be kept in a repository. */
export function configCommands(program: Command, surroundings: Surroundings): void {
  const parent = program.command('config').description('the whole configuration as a YAML file');
  initCommand(parent, surroundings);
  exportCommand(parent, surroundings);
  diffCommand(parent, surroundings);
  applyCommand(parent, surroundings);
  editCommand(parent, surroundings);
}

function initCommand(parent: Command, surroundings: Surroundings): void {
  const command = addCommand(parent, {
    name: 'init',
    args: '[file]',
    about: `write a commented file to begin with (default: ${FILE}; - prints it)`,
    json: '{"file"}',
  }).option('--force', 'replace an existing file');
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
  // Header values that routes set may be secrets.
  await writeFile(file, text, { flag: replace ? 'w' : 'wx', mode: 0o600 }).catch(
    (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EEXIST' ? 'it exists already: --force replaces it' : error.message;
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
      command.option('--force', 'replace an existing file');
      return async ({ api, out, args: [file = '-'] }) => {
        const { body } = await api.call('GET', '/v1/config');
        const { stringify } = await import('yaml');
        const text = out.format === 'json' ? `${JSON.stringify(body, null, 2)}\n` : stringify(body);
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
      command.option('--exit-code', 'exit with 1 when there are changes');
      return async ({ api, out, args: [file = FILE] }) => {
        const { changes } = await planned(api, await readDocument(file));
        out.show({ changes }, () => describePlan(changes, out));
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
    about: `apply a file as the whole configuration: objects that it does not name are removed (default: ${FILE})`,
    json: '{"version", "changes", "tokens"}; changes as in diff, tokens of new objects',
    asks: true,
    setUp: (command) => {
      const yesDelete = useYesDelete(command);
      const isDryRun = useDryRun(command);
      return async (invocation) => {
        const [file = FILE] = invocation.args;
        const source = await readDocument(file);
        await applyDocument(invocation, source, { yesDelete: yesDelete(), dryRun: isDryRun() });
      };
    },
  });
}

function editCommand(parent: Command, surroundings: Surroundings): void {
  addApiCommand(parent, surroundings, {
    name: 'edit',
    about:
      'open the configuration in your editor ($VISUAL or $EDITOR), then show the changes, ask and apply them',
    json: 'the same as `apply`',
    asks: true,
    setUp: (command) => {
      const yesDelete = useYesDelete(command);
      return async (invocation) => {
        const { body, headers } = await invocation.api.call('GET', '/v1/config');
        const etag = headers.get('etag');
        await editYaml(invocation, { name: 'config', value: body }, async (source) => {
          const document = await parseDocument(source);
          await applyDocument(invocation, { ...source, document }, { yesDelete: yesDelete(), etag });
        });
      };
    },
  });
}

function useYesDelete(command: Command) {
  return useFlag(command, {
    flag: '--yes-delete <n>',
    about: 'how many objects this removes; needed when that is more than half of them, or all',
    type: wholeNumber({ from: 0, to: 999_999_999 }),
  });
}

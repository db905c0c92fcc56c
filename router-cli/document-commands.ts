import type { Command, Option } from 'commander';
import { EXIT_CODES } from './exit-codes.ts';
import { TOP_KEYS } from './top/top-keys.ts';
import { createCli } from './program.ts';

const HEAD = `# router-cli

The operator's tool. \`up\` and \`demo-upstream\` run things on this machine, \`admin init\` and \`admin token\` make the first
admin; everything else talks HTTP to one [router-api](configuration.md). This page is made from the commands:
\`npm run docs\` writes it anew.

## Which API

A context is a URL and an admin token. \`login\` makes one and makes it the current one, \`context use\` changes that,
\`--context\` names another one for a single command. They are in \`$XDG_CONFIG_HOME/mini-router/contexts.json\`, or in
\`~/.config\` without that variable, in a file that only its user may read. While \`up\` runs, it has a context named \`local\`.

| variable           | meaning                                                                                    |
| ------------------ | ----------------------------------------------------------------------------------------- |
| \`ROUTER_API_URL\`   | URL of router-api; takes precedence over every context                                                |
| \`ROUTER_API_TOKEN\` | token of an admin; takes precedence over every context. A token goes only to the URL that it is for   |
| \`ROUTER_REDIS_URL\` | for \`up\` and \`admin init\`; also what the commands that \`agent add\` prints tell agents to dial |
| \`NO_COLOR\`         | no colours, whatever it says; there are none either where the output is no terminal       |

## Output

Results go to standard output, everything else to standard error. Tables fit the terminal; where there is none, nothing is
cut. Every command that asks router-api has \`--json\`, and so have \`login\`, \`context\` and \`config init\`: fields are added to
what it prints, none is renamed or removed without a line in the changelog. \`-o json\` is the same, \`-o yaml\` the same as
YAML, and with \`-o wide\` no table is cut. \`-w\` goes on and prints what has changed; \`--dry-run\` tells what would. Errors are text on standard error; scripts go by
the exit code.

Nothing is asked where standard input or standard error is no terminal: commands that would ask need \`--yes\` there.

## Spellings

Verbs may go first and nouns may be plural, as hands that know kubectl type them:

| typed                               | is                      |
| ----------------------------------- | ----------------------- |
| \`get groups\`, \`groups\`              | \`group list\`            |
| \`get group NAME\`, \`get group/NAME\`  | \`group show NAME\`       |
| \`describe agent NAME\`               | \`agent show NAME\`       |
| \`create group NAME\`                 | \`group add NAME\`        |
| \`edit route NAME\`                   | \`route edit NAME\`       |
| \`delete app NAME\`                   | \`app remove NAME\`       |
| \`help group add\`                    | \`group add --help\`      |
| \`--context prod -o json get status\` | \`status --context prod -o json\` |
`;

/** The text of docs/cli.md, except for a formatter's layout of its tables. */
export function documentCommands(): string {
  const program = createCli({ env: {}, script: 'router-cli' });
  const codes = Object.values(EXIT_CODES).map(({ code, means }) => [String(code), means]);
  const commands = visible(program);
  return [
    HEAD,
    '## Exit codes\n',
    markdownTable(['code', 'means'], codes),
    '## Commands\n',
    commands
      .map((command) => `- [${titleOf(command)}](#${anchorOf(command)}): ${command.description()}`)
      .join('\n'),
    ...commands.flatMap((command) => describe(command, 3)),
    '',
    '## Keys of top\n',
    ...TOP_KEYS.map((line) => `    ${line}`),
    '',
  ].join('\n');
}

/** `router-cli agent add <name>` without its first word. */
function titleOf(command: Command): string {
  const parents: string[] = [];
  for (let at: Command | null = command; at?.parent; at = at.parent) parents.unshift(at.name());
  return parents.join(' ');
}

function anchorOf(command: Command): string {
  return titleOf(command).replaceAll(' ', '-');
}

function describe(command: Command, level: number): string[] {
  const alias = command.alias();
  const inner = visible(command);
  const synopsis = [titleOf(command), argumentsOf(command), inner.length > 0 ? '<command>' : '[options]'];
  return [
    '',
    `${'#'.repeat(level)} ${titleOf(command)}`,
    '',
    `${sentence(command.description())}${alias ? ` Short: \`${alias}\`.` : ''}`,
    ...(inner.length > 0
      ? []
      : [
          '',
          `    router-cli ${synopsis.filter((word) => word !== '').join(' ')}`,
          '',
          markdownTable(['option', 'what it does'], command.options.map(optionRow)),
        ]),
    ...inner.flatMap((each) => describe(each, level + 1)),
  ];
}

/** Without the `help` command that commander adds: every command has --help. */
function visible(command: Command): Command[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter(({ parent }) => parent === command);
}

function argumentsOf({ registeredArguments }: Command): string {
  return registeredArguments
    .map((argument) => {
      const name = `${argument.name()}${argument.variadic ? '…' : ''}`;
      return argument.required ? `<${name}>` : `[${name}]`;
    })
    .join(' ');
}

function optionRow(option: Option): string[] {
  const { flags, description, defaultValueDescription, envVar } = option;
  const notes = [
    ...(defaultValueDescription === undefined ? [] : [`default: ${defaultValueDescription}`]),
    ...(envVar === undefined ? [] : [`variable: \`${envVar}\``]),
  ];
  return [`\`${flags}\``, `${description}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`];
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}

function markdownTable(titles: string[], rows: string[][]): string {
  if (rows.length === 0) return 'It has no options.';
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line), ''].join('\n');
}

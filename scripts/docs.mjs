// npm run docs: writes docs/cli.md from the commands of router-cli.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { ensurePackages, main, root, runCommand, SetupError } from './setup.mjs';

const page = join(root, 'docs', 'cli.md');

await main(async () => {
  ensurePackages();
  build();
  const { documentCommands } = await import(join(root, 'dist', 'router-cli', 'document-commands.js'));
  writeFileSync(page, documentCommands());
  const prettier = join(root, 'node_modules', '.bin', 'prettier');
  if (runCommand(prettier, ['--write', page]) !== 0)
    throw new SetupError('docs/cli.md was not formatted: see above');
});

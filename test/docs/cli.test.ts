import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import { documentCommands } from '../../router-cli/document-commands.ts';
import { readFile } from './markdown.ts';

test('docs/cli.md is what the commands say: `npm run docs` writes it', async () => {
  const options = await resolveConfig('docs/cli.md');
  expect(readFile('docs/cli.md')).toBe(await format(documentCommands(), { ...options, parser: 'markdown' }));
});

test('no section is empty', () => {
  const page = readFile('docs/cli.md');
  expect(page.match(/^#+ *$/gm)).toBeNull();
  // A heading is followed by a sentence, or by a list or table of its own.
  expect(page.match(/^#+ .*\n\n#+ /gm)).toBeNull();
  expect(page).not.toContain('Display help for command');
});

test('every command says what it does, and what each of its options does', () => {
  const rows = documentCommands().split('\n');
  expect(rows.filter((line) => /^#+ /.test(line)).length).toBeGreaterThan(50);
  expect(rows.filter((line) => /^\| `-.*\| +\|$/.test(line))).toEqual([]);
});

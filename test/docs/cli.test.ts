import { format, resolveConfig } from 'prettier';
import { expect, test } from 'vitest';
import { documentCommands } from '../../router-cli/document-commands.ts';
import { readFile } from './markdown.ts';

test('docs/cli.md is what the commands say: `npm run docs` writes it', async () => {
  const options = await resolveConfig('docs/cli.md');
  expect(readFile('docs/cli.md')).toBe(await format(documentCommands(), { ...options, parser: 'markdown' }));
});

test('every command says what it does, and what each of its options does', () => {
  const rows = documentCommands().split('\n');
  expect(rows.filter((line) => /^#+ /.test(line)).length).toBeGreaterThan(50);
  expect(rows.filter((line) => /^\| `-.*\| +\|$/.test(line))).toEqual([]);
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../../router-core/runtime/package-info.ts';

const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', '.git']);

/** The text of a file of this repository. */
export function readFile(path: string): string {
  return readFileSync(join(packageFolder(), path), 'utf8');
}

/** Every Markdown file of this repository, as a path from its root. */
export function markdownFiles(folder = ''): string[] {
  return readdirSync(join(packageFolder(), folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : markdownFiles(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

/** The text below a heading, up to the next one of the same or a higher level. Throws when there is no such heading. */
export function section(text: string, heading: string): string {
  const lines = text.split('\n');
  const from = lines.indexOf(heading);
  if (from < 0) throw new Error(`no heading "${heading}"`);
  const level = heading.indexOf(' ');
  const rest = lines.slice(from + 1);
  const to = rest.findIndex((line) => new RegExp(`^#{1,${level}} `).test(line));
  return rest.slice(0, to < 0 ? undefined : to).join('\n');
}

/** The rows of the tables in a text, without their header rows; a cell in backticks is without them. */
export function tableRows(text: string): string[][] {
  const rows: string[][] = [];
  let inBody = false;
  for (const line of text.split('\n')) {
    if (!line.startsWith('|')) inBody = false;
    else if (/^\|[ |:-]+\|$/.test(line)) inBody = true;
    else if (inBody) rows.push(cellsOf(line));
  }
  return rows;
}

function cellsOf(line: string): string[] {
  return line
    .slice(1, line.lastIndexOf('|'))
    .split(/(?<!\\)\|/)
    .map((cell) =>
      cell
        .trim()
        .replaceAll('\\|', '|')
        .replace(/^`([^`]*)`$/, '$1'),
    );
}

/** Text without its code blocks: what looks like a link or a heading in there is none. */
export function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, '').replace(/^ {4}.*$/gm, '');
}

/** The code blocks of a text, commands that go on after a backslash joined into one line. */
export function codeLines(text: string): string[] {
  const blocks = [...text.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].map((match) => match[1] ?? '');
  return blocks.flatMap((block) => block.replaceAll(/\\\n\s*/g, '').split('\n'));
}

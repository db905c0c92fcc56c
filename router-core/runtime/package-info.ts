import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isSingleFile, readSourceFile } from './source-files.ts';

/** The folder of package.json and bin/, the same for the sources and for the compiled files in dist/. */
export function packageFolder(): string {
  let folder = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', folder))) {
    const parent = new URL('..', folder);
    if (parent.href === folder.href) throw new Error('package.json not found above ' + import.meta.url);
    folder = parent;
  }
  return fileURLToPath(folder);
}

export function packageVersion(): string {
  // dist/ has no copy of package.json.
  const text = isSingleFile
    ? readSourceFile('package.json')
    : readFileSync(`${packageFolder()}package.json`, 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

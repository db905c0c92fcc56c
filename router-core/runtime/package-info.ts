import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

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
  const manifest = JSON.parse(readFileSync(`${packageFolder()}package.json`, 'utf8')) as { version: string };
  return manifest.version;
}

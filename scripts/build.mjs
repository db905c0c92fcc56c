// Compiles the sources into dist/ and puts Lua and CSS files beside the code that loads them.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensurePackages, main, root, runCommand, SetupError } from './setup.mjs';

const SOURCES = ['router-core', 'router-api', 'router-cli', 'bench', 'test/faults/programs'];
const SETTINGS = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json', 'scripts/build.mjs'];

const dist = join(root, 'dist');
const stampFile = join(dist, '.built-from.json');

/** Does nothing when dist/ was built from exactly these files; else replaces dist/ as a whole. */
export function build() {
  const sources = SOURCES.flatMap(filesBelow);
  const stamp = JSON.stringify([...sources, ...SETTINGS].map(fingerprint));
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;

  // Built beside, then swapped in: no stale file survives, and what runs from dist/ never sees a half of it.
  const fresh = join(root, 'node_modules', `.dist-${process.pid}`);
  const old = `${fresh}-old`;
  try {
    const tsc = join(root, 'node_modules', '.bin', 'tsc');
    if (runCommand(tsc, ['-p', 'tsconfig.build.json', '--outDir', fresh]) !== 0) {
      throw new SetupError('The build failed: see above');
    }
    for (const file of sources.filter((path) => !path.endsWith('.ts'))) copyInto(fresh, file);
    writeFileSync(join(fresh, '.built-from.json'), stamp);
    if (existsSync(dist)) renameSync(dist, old);
    renameSync(fresh, dist);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
}

export function filesBelow(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|lua|css)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .sort();
}

function fingerprint(file) {
  const { mtimeMs, size } = statSync(join(root, file));
  return [file, mtimeMs, size];
}

function copyInto(folder, file) {
  const target = join(folder, file);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(join(root, file), target);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(() => {
    ensurePackages();
    build();
  });
}

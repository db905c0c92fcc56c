// npm run build:binary: dist/bin/mini-router and dist/bin/mini-router-agent, each one file with Node in it, for this platform.
// https://nodejs.org/api/single-executable-applications.html
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, filesBelow } from './build.mjs';
import { ensurePackages, main, root, runCommand, SetupError } from './setup.mjs';

/** Node looks for this in itself to know if a script was put in. The value is from its documentation. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const BINARIES = [
  { name: 'mini-router', entry: 'binary/main.ts', assets: /^(router-core|router-api)\/.*\.(lua|css)$/ },
  { name: 'mini-router-agent', entry: 'binary/agent.ts', assets: /^router-core\/.*\.lua$/ },
];

/** Writes both into the folder `to`. */
export async function buildBinaries({ to }) {
  if (process.platform !== 'linux') {
    throw new SetupError(`Binaries are built for Linux only, this is ${process.platform}: install with npm`);
  }
  if (!readFileSync(process.execPath).includes(FUSE)) {
    throw new SetupError(
      `${process.execPath} takes no script (a Node whose code is in a shared library, as Linux distributions build it): use the one of nodejs.org`,
    );
  }
  mkdirSync(to, { recursive: true });
  const work = join(root, 'node_modules', `.binary-${process.pid}`);
  mkdirSync(work, { recursive: true });
  try {
    for (const binary of BINARIES) await buildBinary(binary, { work, to });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function buildBinary({ name, entry, assets }, { work, to }) {
  const [script, config, blob, unfinished] = ['cjs', 'json', 'blob', 'node'].map((end) =>
    join(work, `${name}.${end}`),
  );
  await bundle(entry, script);
  const files = ['package.json', ...filesBelow('router-core'), ...filesBelow('router-api')];
  writeFileSync(
    config,
    JSON.stringify({
      main: script,
      output: blob,
      disableExperimentalSEAWarning: true,
      // Saves compiling at each start. Good for this Node alone, which is the one that it goes into.
      useCodeCache: true,
      assets: Object.fromEntries(
        files
          .filter((file) => file === 'package.json' || assets.test(file))
          .map((file) => [file, join(root, file)]),
      ),
    }),
  );
  if (
    runCommand(process.execPath, ['--experimental-sea-config', config], {
      stdio: ['ignore', 'ignore', 'inherit'],
    }) !== 0
  ) {
    throw new SetupError(`Node could not pack ${name}: see above`);
  }
  copyFileSync(process.execPath, unfinished);
  chmodSync(unfinished, 0o755);
  const { inject } = await import('postject');
  await inject(unfinished, 'NODE_SEA_BLOB', readFileSync(blob), { sentinelFuse: FUSE });
  // One that runs keeps its file.
  rmSync(join(to, name), { force: true });
  renameSync(unfinished, join(to, name));
  console.log(`${join(to, name)}: ${Math.round(statSync(join(to, name)).size / 1024 / 1024)} MiB`);
}

/** All of the code as one script. Names stay as they are, for the stacks in logs. */
async function bundle(entry, script) {
  const { build: bundleWith } = await import('esbuild');
  await bundleWith({
    entryPoints: [join(root, entry)],
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: `node${process.versions.node}`,
    // Loads its files one by one with a require of its own, which no bundler sees; this entry loads all of them.
    alias: { 'terminal-kit': 'terminal-kit/lib/termkit-no-lazy-require.js' },
    // It also takes its README for a terminal.
    loader: { '': 'empty' },
    // Native helpers of ws, which it does without.
    external: ['bufferutil', 'utf-8-validate'],
    // Asked only outside of a binary: see source-files.ts.
    define: { 'import.meta.url': '"file:///"' },
    logLevel: 'warning',
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(async () => {
    ensurePackages();
    // First: it replaces dist/ as a whole. And esbuild does not check types.
    build();
    await buildBinaries({ to: join(root, 'dist', 'bin') });
  });
}

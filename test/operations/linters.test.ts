import { execFile } from 'node:child_process';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { findProgram } from '../../router-core/runtime/find-program.ts';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import { readFile } from '../docs/markdown.ts';
import { freePort } from '../support/ports.ts';
import { useTemporaryDirectory } from '../support/temporary-directory.ts';
import { systemdUnits } from './deployed-parts.ts';

// What the programs themselves say to their files in deploy/, where they are on PATH.

const run = promisify(execFile);
const folder = useTemporaryDirectory();
const without = (...programs: string[]) => programs.some((program) => findProgram(program) === undefined);

/** A file of deploy/ that finds its certificate in the temporary folder. */
async function withCertificate(name: string): Promise<string> {
  const here = folder.path;
  const names = ['-subj', '/CN=router', '-keyout', join(here, 'key'), '-out', join(here, 'router.pem')];
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    ...names,
  ]);
  const both = await Promise.all(
    ['router.pem', 'key'].map(async (file) => (await run('cat', [join(here, file)])).stdout),
  );
  await writeFile(join(here, 'router.pem'), both.join(''));
  const path = join(here, name);
  await writeFile(
    path,
    readFile(`deploy/${name}`)
      .replaceAll('/etc/mini-router', here)
      .replaceAll('10.77.0.2:443', `127.0.0.1:${await freePort()}`),
  );
  return path;
}

test.skipIf(without('haproxy', 'openssl'))('haproxy accepts haproxy.cfg without a warning', async () => {
  const { stdout, stderr } = await run('haproxy', ['-c', '-f', await withCertificate('haproxy.cfg')]);
  expect(`${stdout}${stderr}`.trim()).toBe('Configuration file is valid');
});

test.skipIf(without('nginx', 'openssl'))('nginx accepts nginx.conf without a warning', async () => {
  const included = await withCertificate('nginx.conf');
  const main = join(folder.path, 'main.conf');
  await writeFile(main, `pid ${folder.path}/pid; error_log stderr; events {} http { include ${included}; }`);
  const { stderr } = await run('nginx', ['-t', '-c', main, '-p', folder.path]);
  expect(stderr).toMatch(/syntax is ok/);
  expect(stderr).not.toMatch(/warn/);
});

test.skipIf(without('systemd-analyze')).each(systemdUnits())(
  'systemd accepts %s, and calls it safe',
  async (name) => {
    const unit = join(folder.path, name);
    await cp(join(packageFolder(), 'deploy/systemd', name), unit);
    // Where this Node is, for one that is elsewhere.
    const text = readFile(`deploy/systemd/${name}`).replace('/usr/bin/node', process.execPath);
    await writeFile(unit, text.replace(/^Documentation=.*\n/m, ''));
    const verified = await run('systemd-analyze', ['verify', unit]);
    expect(verified.stderr).not.toContain(name);
    const { stdout } = await run('systemd-analyze', ['security', '--offline=true', '--no-pager', unit]);
    const exposure = Number(/exposure level for .*: ([\d.]+)/.exec(stdout)?.[1]);
    expect(exposure).toBeLessThan(2);
  },
);

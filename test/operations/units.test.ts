import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { findProgram } from '../../router-core/runtime/find-program.ts';
import { readFile } from '../docs/markdown.ts';
import { useTemporaryDirectory } from '../support/temporary-directory.ts';
import { systemdUnits } from './deployed-parts.ts';

const run = promisify(execFile);
const folder = useTemporaryDirectory();
const analyzer = findProgram('systemd-analyze');

test.skipIf(analyzer === undefined).each(systemdUnits())(
  'systemd accepts %s and calls it safe',
  async (name) => {
    const unit = join(folder.path, name);
    // Node may be elsewhere here, and neither the package nor the binary is where the unit expects it.
    const program = /\/usr\/bin\/node|\/usr\/local\/bin\/mini-router-agent/;
    const text = readFile(`deploy/systemd/${name}`).replace(program, process.execPath);
    await writeFile(unit, text.replace(/^Documentation=.*\n/m, ''));

    const { stderr } = await run('systemd-analyze', ['verify', unit]);
    expect(stderr).not.toContain(name);

    const { stdout } = await run('systemd-analyze', ['security', '--offline=true', '--no-pager', unit]);
    const exposure = Number(/exposure level for .*: ([\d.]+)/.exec(stdout)?.[1]);
    // From 0 to 10; a unit without any of it has 9.6.
    expect(exposure).toBeLessThan(2);
  },
);

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, open, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { packageFolder, packageVersion } from '../router-core/runtime/package-info.ts';
import { expectNoProcessLeft, launch, spawnNode } from './support/processes.ts';
import type { Launcher } from './support/processes.ts';
import { useTemporaryDirectory } from './support/temporary-directory.ts';

const LAUNCHERS: Launcher[] = ['router-core', 'router-api', 'router-cli'];

const temporary = useTemporaryDirectory();
afterEach(expectNoProcessLeft);

describe.each(LAUNCHERS)('%s', (launcher) => {
  test('prints its version, also through a link as a global installation makes it', async () => {
    const link = join(temporary.path, launcher);
    await symlink(join(packageFolder(), 'bin', launcher), link);
    const program = spawnNode(link, ['--version'], { cwd: temporary.path });
    expect(await program.ended).toEqual({ code: 0, signal: null });
    expect(program.stdout).toBe(`${packageVersion()}\n`);
  });

  test('prints help and exits 0', async () => {
    const program = launch(launcher, ['--help']);
    expect((await program.ended).code).toBe(0);
    expect(program.stdout).toContain(`Usage: ${launcher}`);
  });

  test('says what to do when nothing was built', async () => {
    await cp(join(packageFolder(), 'bin'), join(temporary.path, 'bin'), { recursive: true });
    await writeFile(join(temporary.path, 'package.json'), '{"type": "module"}');
    const program = spawnNode(join(temporary.path, 'bin', launcher), ['--version']);
    expect((await program.ended).code).toBe(1);
    expect(program.stderr).toBe(`${launcher}: not built yet: run \`npm run build\` first\n`);
  });
});

describe('output that cannot be written', () => {
  test('ends router-cli quietly when nobody reads it, as after `| head`', async () => {
    const program = launch('router-cli', ['completion', 'bash']);
    program.stopReading('stdout');
    expect(await program.ended).toEqual({ code: 141, signal: null });
    expect(program.stderr).toBe('');
  });

  test.skipIf(process.platform !== 'linux')('is said when there is no room for it', async () => {
    const full = await open('/dev/full', 'w');
    const program = spawn(
      process.execPath,
      [join(packageFolder(), 'bin', 'router-cli'), 'completion', 'bash'],
      {
        stdio: ['ignore', full.fd, 'pipe'],
      },
    );
    const [stderr] = await Promise.all([text(program.stderr as Readable), once(program, 'close')]);
    expect(stderr).toMatch(/^router-cli: error: cannot write the output: ENOSPC.*\n$/);
    expect(program.exitCode).toBe(1);
    await full.close();
  });
});

describe('a mistake in the command is one line on stderr and exit code 2', () => {
  test.each<[Launcher, string[], string]>([
    ['router-core', ['hub'], 'router-core: error: --redis is required (or ROUTER_REDIS_URL)'],
    [
      'router-core',
      ['hub', '--prot', '1'],
      "router-core: error: unknown option '--prot' (Did you mean --port?)",
    ],
    ['router-core', ['hubb'], "router-core: error: unknown command 'hubb' (Did you mean hub?)"],
    ['router-core', ['hub', '--port'], "router-core: error: option '--port <port>' argument missing"],
    ['router-core', ['agent', '--redis', 'x'], 'router-core: error: --redis: expected a URL'],
    ['router-api', ['--redis', 'redis://x', '--port', 'x'], 'router-api: error: --port: "x" is not a port'],
    [
      'router-api',
      ['--redis', 'redis://x', '--cors-origin', 'https://a/b'],
      'router-api: error: --cors-origin: "https://a/b" is not an origin',
    ],
    ['router-cli', ['admin', 'init'], 'router-cli: error: --redis is required (or ROUTER_REDIS_URL)'],
    [
      'router-cli',
      ['admin', 'init', '--redis', 'redis://x', '--name', 'a b'],
      'router-cli: error: --name: "a b" is not a name',
    ],
    ['router-cli', ['up'], 'router-cli: error: nothing to send requests to: give --upstream URL, or --demo'],
  ])('%s %j', async (launcher, args, line) => {
    const program = launch(launcher, args);
    expect((await program.ended).code).toBe(2);
    expect(program.stdout).toBe('');
    expect(program.stderr).toContain(line);
    expect(program.stderr.trim().split('\n')).toHaveLength(1);
  });

  test('a variable that is empty counts as not set', async () => {
    const program = launch('router-core', ['hub'], { env: { ROUTER_REDIS_URL: '' } });
    expect((await program.ended).code).toBe(2);
    expect(program.stderr).toContain('--redis is required');
  });

  test('help shows defaults and variables', async () => {
    const program = launch('router-core', ['hub', '--help']);
    expect((await program.ended).code).toBe(0);
    expect(program.stdout.replace(/\s+/g, ' ')).toContain('(default: 30s, env: ROUTER_QUEUE_WAIT)');
  });
});

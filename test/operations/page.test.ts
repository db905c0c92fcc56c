import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { Agent as TlsPool } from 'node:https';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findProgram } from '../../router-core/runtime/find-program.ts';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import { readFile } from '../docs/markdown.ts';
import { ask } from '../support/ask.ts';
import { startBalancer } from '../support/balancer.ts';
import { countCalls } from '../support/call-counter.ts';
import { startLoad, tally, type Load } from '../support/load.ts';
import { upstreamHere } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';
import { localAddresses, type Localise } from './local-addresses.ts';
import { openShell, type PageShell } from './page-shell.ts';

// docs/operations.md, typed from top to bottom: every block of it, with the files of deploy/ that it names.

const PAGE = 'docs/operations.md';
const needed = ['bash', 'curl', 'openssl', 'redis-server', 'redis-cli', 'sha256sum'];
const missing = needed.filter((program) => findProgram(program) === undefined);
const hasHaproxy = findProgram('haproxy') !== undefined;

const GROUPS = '-H "Authorization: Bearer $ROUTER_API_TOKEN" http://10.77.0.10:8081/v1/groups';
const ADD_GROUP = `curl -fsS -H 'Content-Type: application/json' ${GROUPS} -d '{"name": "of-today"}'`;
const GROUP_IS_GONE = `curl -fsS ${GROUPS} > groups; if grep of-today groups; then exit 1; fi`;

/** Typed after some blocks, by section and number within it: whether they have done what the page says. */
const CHECKS: Record<string, string> = {
  'Backup and restore 1': ADD_GROUP,
  // The document has put things back. So does the copy of Redis.
  'Backup and restore 2': `${GROUP_IS_GONE}\n${ADD_GROUP}`,
  'Backup and restore 3': GROUP_IS_GONE,
  // Over TLS, and not by accident as before.
  'TLS to Redis 2':
    "redis-cli -h 10.77.0.10 -p 6379 --user admin client list | grep 'laddr=10.77.0.10:6380 ' | grep user=hub",
};

interface Block {
  section: string;
  /** Number of the section, from 1. */
  number: number;
  commands: string;
}

/** The blocks that a reader is to type. What cannot be run here is marked `console`. */
function blocksOf(page: string): Block[] {
  let section = '';
  let number = 0;
  const found: Block[] = [];
  for (const [, heading, commands] of page.matchAll(/^#{2,3} (.+)$|^```sh\n([\s\S]*?)^```$/gm)) {
    if (heading === undefined) found.push({ section, number: ++number, commands: commands ?? '' });
    else [section, number] = [heading, 0];
  }
  return found;
}

/** True for a machine without haproxy; its users get the rest of the page. */
function withoutBalancer({ commands }: Block): boolean {
  return !/haproxy -f|https:/.test(commands);
}

/** A folder with `bin` and the files of deploy, these with addresses of this machine. */
async function openWorkspace(upstreamUrl: string) {
  const folder = await mkdtemp(join(tmpdir(), 'mini-router-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const deploy = join(packageFolder(), 'deploy');
  const names = (await readdir(deploy, { withFileTypes: true })).filter((entry) => entry.isFile());
  const files = names.map(({ name }) => ({ name, text: readFile(join('deploy', name)) }));
  const localise = await localAddresses([readFile(PAGE), ...files.map(({ text }) => text)], {
    '/etc/mini-router': join(folder, 'etc'),
    '/var/lib/mini-router': join(folder, 'var'),
    'http://127.0.0.1:8000': upstreamUrl,
  });
  await symlink(join(packageFolder(), 'bin'), join(folder, 'bin'));
  await mkdir(join(folder, 'deploy'));
  for (const { name, text } of files) await writeFile(join(folder, 'deploy', name), localise(text));
  await chmod(join(folder, 'deploy', 'new-logins.sh'), 0o755);
  const shell = openShell({ cwd: folder, scratch: folder });
  onTestFinished(() => shell.close());
  return { folder, localise, shell };
}

/** Most answers are quick, every fifth streams for a third of a second. */
function startMixed() {
  return countCalls((req, res) => {
    req.resume();
    const n = Number(req.url?.slice(1));
    if (!(n > 0 && n % 5 === 0)) {
      setTimeout(() => res.end(`done ${n}`), 20);
      return;
    }
    let lines = 0;
    const timer = setInterval(() => {
      res.write('line ');
      if (++lines < 10) return;
      clearInterval(timer);
      res.end(`done ${n}`);
    }, 30);
    res.on('close', () => clearInterval(timer));
  });
}

/** Clients of the balancer: haproxy with TLS, or what stands in for it. */
function startClients({ folder, localise }: { folder: string; localise: Localise }): Load {
  const optionsOf = (n: number) => (n % 2 === 0 ? { method: 'POST', body: 'x'.repeat(n % 1_000) } : {});
  if (!hasHaproxy) {
    const send = startBalancer(['http://10.77.0.11:8080', 'http://10.77.0.12:8080'].map(localise));
    return startLoad(6, (n) => send(`/${n}`, optionsOf(n)));
  }
  const ca = readFileSync(join(folder, 'etc', 'router.crt'));
  const pool = new TlsPool({ keepAlive: true, ca });
  onTestFinished(() => pool.destroy());
  const url = localise('https://10.77.0.2/');
  return startLoad(6, (n) => ask(`${url}${n}`, { ...optionsOf(n), pool }));
}

async function upgradeUnderLoad(shell: PageShell, commands: string[], load: Load): Promise<void> {
  const more = async () => {
    const wanted = load.outcomes.size + 30;
    await waitFor(() => load.outcomes.size >= wanted, { what: 'more answers' });
  };
  await more();
  for (const each of commands) await shell.type(each);
  await more();
  const outcomes = await load.stop();
  expect(tally(outcomes)).toEqual({ 'answered 200': outcomes.length });
  expect([...load.outcomes].filter(([n, { body }]) => !body.endsWith(`done ${n}`))).toEqual([]);
}

test.skipIf(missing.length > 0)(
  `docs/operations.md works as it is typed${hasHaproxy ? '' : ' (without haproxy: a stand-in balances the load)'}`,
  { timeout: 120_000 },
  async () => {
    const upstream = await upstreamHere(startMixed().listener);
    const { folder, localise, shell } = await openWorkspace(upstream.url);
    const all = blocksOf(readFile(PAGE));
    const blocks = hasHaproxy ? all : all.filter(withoutBalancer);
    const isUpgrade = ({ section }: Block) => section === 'Upgrades';
    const from = blocks.findIndex(isUpgrade);
    const to = blocks.findLastIndex(isUpgrade) + 1;
    const typed = (part: Block[]) =>
      part.flatMap(({ section, number, commands }) =>
        [commands, CHECKS[`${section} ${number}`] ?? []].flat().map(localise),
      );
    expect(to - from).toBe(3);

    for (const each of typed(blocks.slice(0, from))) await shell.type(each);
    await upgradeUnderLoad(shell, typed(blocks.slice(from, to)), startClients({ folder, localise }));
    for (const each of typed(blocks.slice(to))) await shell.type(each);
    // The numbers that the last block shows.
    expect(shell.output).toMatch(/^default .* 0\/8 /m);
    expect(shell.output).toMatch(/^maxmemory:1073741824/m);
  },
);

test('no block of docs/operations.md escapes: it is typed, or marked as not run', () => {
  const kinds = [...readFile(PAGE).matchAll(/^```(\w*)\n[\s\S]*?^```$/gm)].map(([, kind]) => kind);
  expect(new Set(kinds)).toEqual(new Set(['sh', 'console']));
  expect(blocksOf(readFile(PAGE)).length).toBeGreaterThan(10);
});

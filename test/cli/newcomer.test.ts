import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import { codeLines, readFile, section } from '../docs/markdown.ts';
import { freePort } from '../support/ports.ts';
import { expectNoProcessLeft } from '../support/processes.ts';
import { waitFor } from '../support/wait.ts';

afterEach(expectNoProcessLeft);

/** Tested elsewhere: all tests, and the live view, which needs a terminal. */
const NOT_HERE = /^npm test|^bin\/router-cli top$/;

/** The commands of a section, in their order, without their comments. */
function commandsOf(heading: string): string[] {
  const text = section(readFile('README.md'), heading).split(/^### /m)[0] ?? '';
  const shell = [...text.matchAll(/^```sh\n[\s\S]*?^```\n/gm)].join('');
  const lines = codeLines(shell).map((line) => line.replace(/ +# .*$/, '').trim());
  return lines.filter((line) => line !== '' && !NOT_HERE.test(line));
}

/** Types a line into a terminal of this checkout. */
function type(line: string) {
  const child = spawn('sh', ['-c', line], {
    cwd: packageFolder(),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const seen = { text: '', ended: false };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (seen.text += text));
  }
  const ended = once(child, 'close').then(() => {
    seen.ended = true;
    return child.exitCode;
  });
  /** As the terminal does it: to the whole foreground. */
  const signal = async (name: NodeJS.Signals): Promise<void> => {
    if (!seen.ended) process.kill(-(child.pid ?? 0), name);
    await ended;
  };
  onTestFinished(() => signal('SIGKILL'));
  return { seen, ended, ctrlC: () => signal('SIGINT') };
}

async function shows(terminal: ReturnType<typeof type>, what: RegExp): Promise<string> {
  const found = () => what.exec(terminal.seen.text)?.[0];
  await waitFor(() => found() !== undefined || terminal.seen.ended, {
    timeoutMs: 60_000,
    what: String(what),
  });
  const text = found();
  if (text === undefined) throw new Error(`ended without ${String(what)}: ${terminal.seen.text}`);
  return text;
}

test('the first steps in README.md work as they are typed', { timeout: 180_000 }, async () => {
  // But for ports: those may be taken where the tests run.
  const [hubPort, upstreamPort] = [String(await freePort()), String(await freePort())];
  const here = (line: string) =>
    line
      .replaceAll(':8080/', `:${hubPort}/`)
      .replaceAll(/(:|--port )8000\b/g, `$1${upstreamPort}`)
      .replace(/^npm start$/, `npm start -- --port ${hubPort}`);
  const run = async (line: string): Promise<string> => {
    const terminal = type(here(line));
    expect([line, await terminal.ended, terminal.seen.text]).toEqual([line, 0, terminal.seen.text]);
    return terminal.seen.text;
  };
  const tryIt = commandsOf('## Try it');
  const steps = commandsOf('### First steps');
  expect(tryIt[0]).toBe('npm start');
  const router = type(here('npm start'));
  await shows(router, /Ctrl-C stops everything/);
  expect(await run(tryIt[1] ?? '')).toContain('data: [DONE]');
  expect(await run(tryIt[2] ?? '')).toMatch(/^Router-Agent: upstream-1\./m);
  expect(tryIt).toHaveLength(3);

  const [
    status = '',
    demo = '',
    addGroup = '',
    addAgent = '',
    addRoute = '',
    testRoute = '',
    curl = '',
    rotate = '',
  ] = steps;
  expect(steps).toHaveLength(8);
  expect(router.seen.text).toContain(`\n  ${status}\n`);
  expect(await run(status)).toMatch(/^1 hub, 1 group, 1 instance; /m);
  const service = type(here(demo));
  await shows(service, /demo upstream ready/);
  await run(addGroup);
  const start = /^ {2}(ROUTER_AGENT_TOKEN=.*)$/m.exec(await run(addAgent))?.[1] ?? '';
  const agent = type(start);
  await shows(agent, /agent ready/);
  await run(addRoute);
  expect(await run(testRoute)).toContain('takes the route llama\n  to llama\n  as /echo\n');
  const answer = await waitFor(
    async () => {
      const text = await run(curl);
      return /^HTTP\/1.1 200/m.test(text) && text;
    },
    { timeoutMs: 15_000, what: 'the route to be used' },
  );
  expect(answer).toContain('"body": "Hello"');

  const startAnew = /^ {2}(ROUTER_AGENT_TOKEN=.*)$/m.exec(await run(rotate))?.[1] ?? '';
  expect(startAnew).not.toBe(start);
  const second = type(startAnew);
  await shows(second, /agent ready/);
  // The old token is good for an hour: one agent after the other, and nobody waits.
  await agent.ctrlC();
  expect(await run(curl)).toMatch(/^HTTP\/1.1 200/m);

  await second.ctrlC();
  await service.ctrlC();
  await router.ctrlC();
  expect(router.seen.text).toContain('Stopping …');
  const after = type(here(status));
  expect([await after.ended, after.seen.text]).toEqual([2, expect.stringContaining('no API to talk to yet')]);
});

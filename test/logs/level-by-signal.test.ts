import { expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { agentProcess, hubProcess, redisHere, upstreamHere } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';
import { uniqueGroup } from '../support/router.ts';
import type { LaunchedProcess } from '../support/processes.ts';

const DEBUG = 20;

interface Line {
  level: number;
  pid: number;
  msg: string;
  id?: string;
}

const linesOf = ({ stdout }: LaunchedProcess) =>
  stdout
    .split('\n')
    // The last one is empty, or not all here yet.
    .slice(0, -1)
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);

test('SIGUSR2 to a hub with workers makes all of them say more, and at last as little as before', async () => {
  const { url } = await redisHere();
  const flags = ['--workers', '2', '--queue-wait', '0', '--log-level', 'info', '--access-log'];
  const hub = await hubProcess(url, uniqueGroup(), flags);
  /** Refused for want of an agent; resolves with what the log says of it. Nothing when its worker has been killed. */
  const askAndRead = async (): Promise<Line[]> => {
    // Node may pass a connection on to a worker that has just been killed: then nobody ever answers.
    const id = (await ask(hub.url, { timeoutMs: 1_000 })).headers['router-request-id'];
    if (id === undefined) return [];
    const ofRequest = () => linesOf(hub).filter((line) => line.id === id);
    await waitFor(() => ofRequest().some(({ msg }) => msg === 'request'), { what: 'the access log' });
    return ofRequest();
  };
  const signal = async (count: number) => {
    process.kill(hub.pid, 'SIGUSR2');
    const changes = () => linesOf(hub).filter(({ msg }) => msg === 'log level changed by signal');
    await waitFor(() => changes().length === count, { what: `change ${count}` });
  };
  expect((await askAndRead()).map(({ level }) => level)).not.toContain(DEBUG);

  await signal(1);
  const debugging = new Set<number>();
  const waitForDebugging = (count: number) =>
    waitFor(
      async () => {
        for (const { level, pid } of await askAndRead()) if (level === DEBUG) debugging.add(pid);
        return debugging.size === count;
      },
      { timeoutMs: 25_000, what: `debug lines of ${count} workers` },
    );
  await waitForDebugging(2);
  expect(debugging.has(hub.pid)).toBe(false);
  // The one that takes its place is told, too.
  process.kill([...debugging][0] ?? 0, 'SIGKILL');
  await waitForDebugging(3);

  await signal(2);
  await signal(3);
  await waitFor(
    async () => {
      // Connections go to the workers in turn.
      const lines = [...(await askAndRead()), ...(await askAndRead())];
      return lines.every(({ level }) => level !== DEBUG);
    },
    { timeoutMs: 25_000, what: 'both workers to be as quiet as before' },
  );
});

test('SIGUSR2 to an agent reaches the lines of its instances', async () => {
  const { url } = await redisHere();
  const group = uniqueGroup();
  const upstream = await upstreamHere(() => {});
  const hub = await hubProcess(url, group, ['--first-byte-timeout', '300ms']);
  const agent = await agentProcess(url, group, upstream.url, { name: 'a' });
  const stops = () => linesOf(agent).filter(({ msg }) => msg === 'stopping a request');
  process.kill(agent.pid, 'SIGUSR2');
  // Nothing says that the signal has come but its effect.
  await waitFor(
    async () => {
      await ask(hub.url);
      return stops().length > 0;
    },
    { what: 'a debug line of an instance' },
  );
});

import { expect, test } from 'vitest';
import { useCliBench } from '../support/cli.ts';
import { agentProcess } from '../support/parts.ts';
import { freePort } from '../support/ports.ts';
import { waitFor } from '../support/wait.ts';

const cli = useCliBench();

test('logs shows what agents and hubs warn of, the newest last', { timeout: 60_000 }, async () => {
  expect(await cli.run(['logs'])).toEqual({
    code: 0,
    stdout: '',
    stderr: 'no hub and no agent has logged a problem lately\n',
  });
  const port = await freePort();
  const flags = ['--health', '/health'];
  await agentProcess(cli.redis.url, 'default', `http://127.0.0.1:${port}`, { name: 'box', flags });
  const shown = await waitFor(async () => (await cli.text('logs', '--agent', 'box')) || undefined, {
    timeoutMs: 20_000,
    what: 'the agent to report that its upstream is down',
  });
  expect(shown).toMatch(/^TIME +LEVEL +FROM +GROUP +PROBLEM$/m);
  expect(shown).toMatch(
    new RegExp(
      `^[\\d-]+T[\\d:]+Z +warn +agent box +default +upstream is down, .*ECONNREFUSED.*127\\.0\\.0\\.1:${port}`,
      'm',
    ),
  );
  const items = await cli.json<{ time: string; name: string }[]>('logs', '--group', 'default');
  expect(items[0]).toMatchObject({ name: 'box', source: 'agent' });
  expect(items.map(({ time }) => time)).toEqual(items.map(({ time }) => time).sort());
  expect(await cli.json('logs', '--hub', 'none')).toEqual([]);
});

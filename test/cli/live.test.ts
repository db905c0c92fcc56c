import { expect, onTestFinished, test } from 'vitest';
import { startAsking } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { useCliBench } from '../support/cli.ts';
import { configuredHub } from '../support/config.ts';
import { agentHere, upstreamHere, waitForQueued } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';

const cli = useCliBench();

interface Shown {
  id: string;
  state: string;
}

test('status, requests and audit show what runs and what was done', { timeout: 90_000 }, async () => {
  const { redis } = cli;
  expect(await cli.text('status')).toContain('No hub is running');
  expect(await cli.run(['requests', 'list'])).toEqual({
    code: 0,
    stdout: '',
    stderr: 'no request is in flight\n',
  });
  expect(await cli.json('requests', 'list')).toEqual([]);
  await cli.text('group', 'set', 'default', '--lease', '900ms');

  const counter = countCalls(() => undefined);
  const upstream = await upstreamHere(counter.listener);
  await agentHere(redis.url, 'default', upstream.url, { concurrency: 1, name: 'slow' });
  const hub = await configuredHub(redis.url);
  const running = startAsking(`${hub.url}/run?a=1`);
  onTestFinished(() => running.disconnect());
  await waitFor(() => counter.calls.length === 1, { what: 'the request to run' });
  const waiting = startAsking(`${hub.url}/wait`);
  onTestFinished(() => waiting.disconnect());
  await waitForQueued(redis.url, 'default', 1);

  const status = await waitFor(
    async () => {
      const text = await cli.text('status');
      // The instance tells with its next beat what it runs.
      const isWhole =
        /^1 hub, 1 group, 1 instance; configuration \d+$/m.test(text) && /1\/1 +ready/.test(text);
      return isWhole && text;
    },
    { what: 'hub and instance to report', timeoutMs: 15_000 },
  );
  expect(status).toMatch(/^default +1 +0 +1\/1 +[\d.]+ +active$/m);
  expect(status).toMatch(/^slow\.\w+ +default +1\/1 +ready +0\.1\.0$/m);
  expect(await cli.json('status')).toMatchObject({ groups: [{ name: 'default', waiting: 1 }] });

  const list = await cli.text('requests', 'list', '--group', 'default');
  expect(list).toMatch(/^\S+ +default +waiting +\S+ +1 +GET \/wait$/m);
  expect(list).toMatch(/^\S+ +default +running +\S+ +1 +slow\.\w+ +GET \/run\?a=1$/m);
  const requests = await cli.json<Shown[]>('requests', 'list');
  expect(await cli.json('requests', 'list', '--limit', '1')).toHaveLength(1);
  const idOf = (state: string) => requests.find((request) => request.state === state)?.id ?? '';
  expect(await cli.text('requests', 'cancel', idOf('waiting'), '--group', 'default')).toBe(
    `${idOf('waiting')} was removed before it ran\n`,
  );
  expect(await cli.json('requests', 'cancel', idOf('running'))).toEqual([
    { id: idOf('running'), outcome: 'running' },
  ]);
  expect((await waiting.outcome).status).toBe(503);
  await waitFor(
    async () =>
      /^GROUP .* P50 +P99 .*\ndefault .* [\d.]+m?s +[\d.]+m?s +active$/m.test(await cli.text('status')),
    { what: 'the latency of what was cancelled', timeoutMs: 15_000 },
  );
  const gone = await cli.run(['requests', 'cancel', idOf('waiting')]);
  expect(gone.code).toBe(3);
  expect(gone.stderr).toContain('See what there is: router-cli requests list');
  expect((await cli.run(['requests', 'list', '--limit', '0'])).code).toBe(2);

  const audit = await cli.text('audit');
  expect(audit).toMatch(/^(now|\d+s ago) +root +127\.0\.0\.1 +cancel +request \S+$/m);
  expect(audit).toMatch(/root +127\.0\.0\.1 +update +group default \(leaseMs\)$/m);
  expect(await cli.json('audit', '--kind', 'group', '--name', 'default', '--actor', 'root')).toHaveLength(1);
  expect(await cli.run(['audit', '--name', 'nobody'])).toMatchObject({ code: 0, stdout: '' });
  expect((await cli.run(['audit', '--kind', 'hub'])).stderr).toContain(
    '--kind: "hub" is not one of group, route',
  );
});

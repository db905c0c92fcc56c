import { Redis } from 'ioredis';
import { onTestFinished, test, expect } from 'vitest';
import { groupKeys } from '../../router-core/redis/scripts/keys.ts';
import { useCliBench } from '../support/cli.ts';
import { agentHere } from '../support/parts.ts';
import { freePort } from '../support/ports.ts';
import { waitFor } from '../support/wait.ts';

// Why an upstream is down stands where its instance is shown. An agent may say anything.

const cli = useCliBench();

interface Shown {
  groups: { instances: { state: string; reason: string | null }[] }[];
}

test('status says why an upstream is down, and nothing else in it', { timeout: 90_000 }, async () => {
  const { redis } = cli;
  await cli.text('group', 'set', 'default', '--lease', '900ms');
  const port = await freePort();
  await agentHere(redis.url, 'default', `http://127.0.0.1:${port}`, { name: 'lonely' });
  const why = `ECONNREFUSED 127.0.0.1:${port}`;
  await waitFor(async () => (await cli.text('status')).includes(why), { what: 'the reason' });
  expect(await cli.text('status')).toMatch(/^INSTANCE .* STATE +VERSION +WHY$/m);
  expect(await cli.text('status')).toMatch(
    new RegExp(`^lonely\\.\\w+ +default +0/8 +upstream-down +[\\d.]+ +${why}$`, 'm'),
  );
  const { groups } = await cli.json<Shown>('status');
  expect(groups[0]?.instances).toMatchObject([{ state: 'upstream-down', reason: why }]);

  const client = new Redis(redis.url);
  onTestFinished(() => client.disconnect());
  const { reports, instances } = groupKeys('default');
  const report = { name: 'odd', version: '1', concurrency: 1, inFlight: 0, state: 'upstream-down' };
  await client.hset(reports, 'odd', JSON.stringify({ ...report, reason: '\u001b[2Jgone\r\n\u202eback' }));
  await client.zadd(instances, Date.now() + 60_000, 'odd');
  const text = await cli.text('status');
  expect(text).toMatch(/^odd .* upstream-down +1 +·\[2Jgone···back$/m);
  expect(text).not.toContain('\u001b[2J');
});

import { describe, expect, test, vi } from 'vitest';
import { parseToken } from '../../router-core/config/token.ts';
import { useCliBench } from '../support/cli.ts';

// Every command is a process of its own: many in a test are slow on a busy machine.
vi.setConfig({ testTimeout: 90_000 });

const cli = useCliBench();

interface WithTokens {
  tokens: { id: string; expiresAt: string | null }[];
  token?: string;
}

const tokensIn = (text: string) => [...new Set(text.match(/mr_[a-z]+_\w+/g))];

describe.each(['app', 'agent', 'admin'] as const)('tokens of %s', (kind) => {
  const group = kind === 'agent' ? ['--group', 'default'] : [];

  test('are shown when they are made, and never again', async () => {
    const [token = ''] = tokensIn(await cli.text(kind, 'add', 'mine', ...group));
    expect(parseToken(token)?.kind).toBe(kind);
    const rotated = await cli.text(kind, 'rotate', 'mine');
    expect(rotated).toContain(`The ${kind} mine has a new token; the old ones have ended.`);
    expect(tokensIn(rotated)).toHaveLength(1);
    expect(tokensIn(rotated)).not.toContain(token);
    expect(tokensIn(await cli.text(kind, 'show', 'mine'))).toEqual([]);
    expect(await cli.json(kind, 'revoke', 'mine', '--yes')).toMatchObject({ tokens: [] });
  });

  test('mistakes', async () => {
    const runs = await Promise.all([
      cli.run([kind, 'rotate', 'nobody']),
      cli.run([kind, 'revoke', 'nobody']),
    ]);
    expect(runs.map(({ code }) => code)).toEqual([3, 2]);
    expect(runs[1]?.stderr).toContain('confirm with --yes');
  });
});

test('old tokens stay for a while when that is said, and one of several can be ended', async () => {
  const first = await cli.json<WithTokens>('app', 'add', 'turned');
  const { token, tokens } = await cli.json<WithTokens>('app', 'rotate', 'turned', '--grace', '1h');
  expect(token).not.toBe(first.token);
  expect(tokens.filter(({ expiresAt }) => expiresAt !== null).map(({ id }) => id)).toEqual([
    first.tokens[0]?.id,
  ]);
  const id = first.tokens[0]?.id ?? '';
  expect(await cli.text('app', 'revoke', 'turned', '--token-id', id, '--yes')).toBe(
    `The token ${id} of the app turned has ended.\n`,
  );
  const [again, wrong] = await Promise.all([
    cli.run(['app', 'revoke', 'turned', '--token-id', id, '--yes']),
    cli.run(['app', 'rotate', 'turned', '--grace', '1 hour']),
  ]);
  expect(again.code).toBe(3);
  expect(wrong).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--grace: "1 hour" is not a duration') as string,
  });
});

test('an agent comes with the command that starts it', async () => {
  const text = await cli.text(
    'agent',
    'add',
    'gpu-9',
    '--group',
    'default',
    '--upstream',
    'http://127.0.0.1:9000',
  );
  const [token = ''] = tokensIn(text);
  const command = text.split('\n').find((line) => line.includes('ROUTER_AGENT_TOKEN='));
  expect(command).toMatch(
    /^ {2}ROUTER_AGENT_TOKEN=\S+ \S*router-core agent --redis redis:\/\/REDIS-HOST:6379 --upstream http:\/\/127\.0\.0\.1:9000$/,
  );
  expect(command).toContain(token);
  const env = { ROUTER_REDIS_URL: 'redis://user:secret@redis.example:6380/0' };
  const rotated = await cli.run(['agent', 'rotate', 'gpu-9'], { env });
  expect(rotated.stdout).toContain('--redis redis://redis.example:6380/0 --upstream');
  expect(rotated.stdout).not.toContain('secret');
  const linked = await cli.text('agent', 'rotate', 'gpu-9', '--link', 'hub');
  expect(linked).toContain('--hub https://HUB-ADDRESS --upstream');
  expect(linked).toContain('HUB-ADDRESS is where the agent reaches your hubs.');
});

test('pause, resume and drain', async () => {
  await cli.api.create('agent', { name: 'worker', group: 'default' });
  await cli.api.create('app', { name: 'client' });
  expect(await cli.text('agent', 'pause', 'worker')).toBe(
    'The agent worker is paused: running requests finish.\n',
  );
  expect(await cli.json('agent', 'drain', 'worker')).toMatchObject({ draining: true });
  expect(await cli.json('agent', 'resume', 'worker')).toMatchObject({ draining: false, paused: false });
  expect(await cli.json('group', 'pause', 'default')).toMatchObject({ paused: true });
  expect(await cli.json('group', 'resume', 'default')).toMatchObject({ paused: false });
  expect(await cli.json('app', 'pause', 'client')).toMatchObject({ paused: true });
  expect(await cli.json('app', 'resume', 'client')).toMatchObject({ paused: false });
  for (const words of [
    ['agent', 'drain'],
    ['group', 'pause'],
    ['app', 'resume'],
  ]) {
    expect((await cli.run([...words, 'nobody'])).code).toBe(3);
  }
});

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
  const flags = kind === 'agent' ? ['--group', 'default'] : [];

  test('are shown when they are made, and never again', async () => {
    const added = await cli.text(kind, 'add', 'shown', ...flags);
    const [token = ''] = tokensIn(added);
    expect(parseToken(token)?.kind).toBe(kind);
    const later = await Promise.all([cli.text(kind, 'show', 'shown'), cli.text(kind, 'list', '--json')]);
    expect(later.flatMap(tokensIn)).toEqual([]);
  });

  test('rotate and revoke', async () => {
    const { token } = await cli.json<WithTokens>(kind, 'add', 'turned', ...flags);
    const rotated = await cli.json<WithTokens>(kind, 'rotate', 'turned', '--grace', '1h');
    expect(rotated.token).not.toBe(token);
    expect(rotated.tokens.filter(({ expiresAt }) => expiresAt !== null).length).toBe(1);
    const text = await cli.text(kind, 'rotate', 'turned');
    expect(text).toContain(`The ${kind} turned has a new token; those so far have ended.`);
    expect(tokensIn(text).length).toBe(1);
    const { tokens } = await cli.json<WithTokens>(kind, 'show', 'turned');
    expect(tokens.length).toBe(1);
    const id = tokens[0]?.id ?? '';
    expect(await cli.json(kind, 'revoke', 'turned', '--token-id', id, '--yes')).toMatchObject({ tokens: [] });
    await cli.text(kind, 'rotate', 'turned');
    expect(await cli.text(kind, 'revoke', 'turned', '--yes')).toContain(
      `All tokens of the ${kind} turned have ended.`,
    );
  });

  test('mistakes', async () => {
    const runs = await Promise.all([
      cli.run([kind, 'rotate', 'nobody']),
      cli.run([kind, 'rotate', 'shown', '--grace', '1 hour']),
      cli.run([kind, 'revoke', 'shown']),
      cli.run([kind, 'revoke', 'shown', '--token-id', 'x', '--yes']),
    ]);
    expect(runs.map(({ code }) => code)).toEqual([3, 2, 2, 3]);
    expect(runs[1]?.stderr).toContain('--grace: "1 hour" is not a duration');
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
});

test('pause, resume and drain', async () => {
  await cli.text('agent', 'add', 'worker', '--group', 'default');
  await cli.text('app', 'add', 'client');
  expect(await cli.text('agent', 'pause', 'worker')).toBe(
    'The agent worker is paused: what runs finishes.\n',
  );
  expect(await cli.text('agent', 'list')).toMatch(/^worker +default +paused/m);
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

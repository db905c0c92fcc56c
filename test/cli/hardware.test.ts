import { chmod, writeFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { useCliBench } from '../support/cli.ts';
import { agentProcess, upstreamHere, withRedis } from '../support/parts.ts';
import { launch } from '../support/processes.ts';
import { useTemporaryDirectory } from '../support/temporary-directory.ts';
import { waitFor } from '../support/wait.ts';

const cli = useCliBench();
const temporary = useTemporaryDirectory();

const A100 = 'NVIDIA A100-SXM4-80GB, 81920, 550.54.15';

/** A folder to put first on PATH, with an nvidia-smi in it. */
async function fakeDriver(...script: string[]): Promise<NodeJS.ProcessEnv> {
  const program = join(temporary.path, 'nvidia-smi');
  await writeFile(program, ['#!/bin/sh', ...script].join('\n'));
  await chmod(program, 0o755);
  return { PATH: `${temporary.path}:${process.env['PATH']}` };
}

async function agentWith(name: string, flags: string[], env: NodeJS.ProcessEnv = {}) {
  const { body } = await cli.api.post('/v1/agents', { name, group: 'default' });
  const token = (body as { token: string }).token;
  const upstream = await upstreamHere((_req, res) => res.end());
  return agentProcess(cli.redis.url, 'default', upstream.url, {
    name,
    flags: ['--token', token, ...flags],
    env,
  });
}

interface Listed {
  items: { name: string; labels: object; hardware: { gpus: object[]; arch: string; cores: number } | null }[];
}

/** Waits until the instance of that name says so; answers what the API says of it. */
function untilSaid(name: string, isSo: (instance: Listed['items'][number]) => boolean) {
  const look = async () => {
    const { items } = (await cli.api.get('/v1/instances')).body as Listed;
    return items.find((each) => each.name === name && isSo(each));
  };
  return waitFor(look, { what: `what ${name} says` });
}

test('an agent tells its machine and its labels, and operators find it by them', async () => {
  const env = await fakeDriver(`echo '${A100}'`, `echo '${A100}'`, "echo 'NVIDIA GB10, [N/A], 580.1'");
  await agentWith('gpu-1', ['--label', 'zone=eu', '--label', 'tier=gold'], env);
  await agentWith('gpu-2', ['--label', 'zone=us', '--no-report-hardware'], env);

  const said = await untilSaid('gpu-1', ({ hardware }) => (hardware?.gpus.length ?? 0) > 0);
  expect(said).toMatchObject({ labels: { zone: 'eu', tier: 'gold' }, hardware: { arch: arch() } });
  expect(said.hardware?.gpus).toEqual([
    { name: 'NVIDIA A100-SXM4-80GB', memoryBytes: 80 * 2 ** 30, driver: '550.54.15', count: 2 },
    { name: 'NVIDIA GB10', memoryBytes: 0, driver: '580.1', count: 1 },
  ]);
  expect((await untilSaid('gpu-2', () => true)).hardware).toBeNull();

  const namesAt = async (path: string) =>
    ((await cli.api.get(path)).body as { items: { name: string }[] }).items.map(({ name }) => name);
  expect(await namesAt('/v1/instances?label=zone=eu')).toEqual(['gpu-1']);
  expect(await namesAt('/v1/instances?label=zone=eu,tier=silver')).toEqual([]);
  expect(await namesAt('/v1/agents?label=zone=us')).toEqual(['gpu-2']);
  expect(await namesAt('/v1/agents/gpu-1/instances?label=tier=gold')).toEqual(['gpu-1']);
  expect((await cli.api.get('/v1/instances?label=zone')).status).toBe(422);

  expect(await cli.text('agent', 'list', '--label', 'tier=gold,zone=eu')).toMatch(/^NAME.*\ngpu-1 [^\n]*\n$/);
  const shown = await cli.text('agent', 'show', 'gpu-1');
  expect(shown).toMatch(/^labels +zone=eu,tier=gold$/m);
  expect(shown).toMatch(/^GPUs +2 × NVIDIA A100-SXM4-80GB 80 ?GiB \(driver 550\.54\.15\), NVIDIA GB10/m);
  expect(await cli.text('agent', 'show', 'gpu-1', '-o', 'wide')).toMatch(/STATE.*LABELS.*GPUS.*CPU.*MEMORY/);
  expect(await cli.text('status', '-o', 'wide')).toContain('zone=us');
});

test('an agent with a driver that hangs pulls all the same, and ends when it is told to', async () => {
  const agent = await agentWith('stuck', [], await fakeDriver('exec sleep 600'));
  expect((await untilSaid('stuck', () => true)).hardware?.gpus).toEqual([]);
  await agent.kill('SIGTERM');
  expect((await agent.ended).code).toBe(0);
});

test('what no agent of ours writes is not shown, and its instance is', async () => {
  const hardware = { cpu: '\u001b[2J', cores: 1, memoryBytes: 1, gpus: [], os: '', arch: '', node: '' };
  const bare = { name: 'odd', version: '1', concurrency: 1, inFlight: 0, state: 'ready' };
  await withRedis(cli.redis.url, async (client) => {
    const keys = ['instances', 'reports', 'slots'].map((name) => `mr:{default}:${name}`) as [
      string,
      string,
      string,
    ];
    for (const [i, more] of [
      { hardware },
      { labels: { '\u001b': 'x' } },
      { labels: { a: 'x'.repeat(64) } },
    ].entries()) {
      await client.zadd(keys[0], Date.now() + 60_000, `odd-${i}`);
      await client.hset(keys[1], `odd-${i}`, JSON.stringify({ ...bare, ...more }));
    }
  });
  const { items } = (await cli.api.get('/v1/instances')).body as Listed;
  const odd = items.filter(({ name }) => name === 'odd');
  expect(odd.map(({ labels, hardware: told }) => [labels, told])).toEqual([0, 1, 2].map(() => [{}, null]));
});

test.each([['zone'], ['=eu'], ['zone=e u'], ['a'.repeat(64) + '=x'], ['zone=\u001b[2J']])(
  'an agent refuses the label %j',
  async (label) => {
    const upstream = ['--upstream', 'http://127.0.0.1:1'];
    const agent = launch('router-core', [
      'agent',
      '--redis',
      'redis://127.0.0.1:1',
      ...upstream,
      '--label',
      label,
    ]);
    expect((await agent.ended).code).toBe(2);
    expect(agent.stderr).toContain('is not a label');
  },
);

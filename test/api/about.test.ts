import { expect, test } from 'vitest';
import { apiHere } from '../support/api.ts';
import { runCli } from '../support/cli.ts';
import { redisHere } from '../support/parts.ts';

test('router-api says where its hubs are reached, and `agent add` prints it', async () => {
  const { url } = await redisHere();
  const api = await apiHere(url, { publicUrl: 'https://router.example.com/base' });
  const { body } = await api.call('GET', '/v1/about');
  expect(body).toMatchObject({ publicUrl: 'https://router.example.com/base' });
  const env = { ROUTER_API_URL: api.url, ROUTER_API_TOKEN: api.token };
  const added = await runCli(['agent', 'add', 'gpu', '--group', 'default'], { env });
  expect(added.stdout).toContain('agent --hub https://router.example.com/base --upstream');
  const other = await runCli(['agent', 'rotate', 'gpu', '--link', 'redis'], { env });
  expect(other.stdout).toContain('agent --redis redis://REDIS-HOST:6379 --upstream');
});

test('without an address it says so', async () => {
  const api = await apiHere((await redisHere()).url);
  expect((await api.call('GET', '/v1/about')).body).toMatchObject({ publicUrl: null });
});

import { expect, test } from 'vitest';
import { apiHere } from '../support/api.ts';
import { configuredHub } from '../support/config.ts';
import { redisHere } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';
import { SlimeWorker } from './support/slime-worker.ts';

test('operators see agents of slime as instances, one for each token and id', async () => {
  const redis = await redisHere();
  const api = await apiHere(redis.url);
  const token = await api.create('agent', { name: 'gpu', group: 'default', concurrency: 3 });
  const hub = await configuredHub(redis.url, { slime: true });
  const workers = ['7', '7', '8'].map((id) => new SlimeWorker({ port: hub.port, token, id }));
  for (const worker of workers) await worker.join('{"CPUCores":8,"GPUNames":["2x NVIDIA A100"]}');
  const waiting = await Promise.all(workers.map((worker) => worker.ask()));
  const instances = async () =>
    ((await api.get('/v1/instances')).body as { items: { slots: number }[] }).items;
  await waitFor(async () => (await instances()).reduce((sum, { slots }) => sum + slots, 0) === 3, {
    what: 'three slots',
  });
  const gpus = [{ name: 'NVIDIA A100', count: 2 }];
  expect(await instances()).toMatchObject([
    { name: 'gpu-7', agent: 'gpu', slots: 2, version: 'slime', state: 'ready', hardware: { cores: 8, gpus } },
    { name: 'gpu-8', agent: 'gpu', slots: 1 },
  ]);
  for (const each of waiting) each.close();
});

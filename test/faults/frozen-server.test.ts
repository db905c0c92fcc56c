import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../router-core/redis/connection/store.ts';
import { recordLog } from '../support/config.ts';
import { redisHere } from '../support/parts.ts';

test('what waits for a server that is frozen rejects as soon as its connection is closed', async () => {
  const redis = await redisHere();
  const store = openStore({ url: redis.url, log: recordLog().log, blockMs: 60_000 });
  onTestFinished(() => store.close());
  const client = await store.at('g', 'blocking').readyWithin(5_000);
  const blocked = client?.blpop('mr:{g}:never', 0).catch((error: Error) => error.message);
  await redis.kill('SIGSTOP');
  onTestFinished(() => redis.kill('SIGCONT'));

  const closedAt = performance.now();
  store.close('blocking');

  expect(await blocked).toBe('Connection is closed.');
  expect(performance.now() - closedAt).toBeLessThan(1_000);
});

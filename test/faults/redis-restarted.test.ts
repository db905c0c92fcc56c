import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { expectNothingLeft, redisHere } from '../support/parts.ts';
import { expectHonestOutcomes, expectServing, startUnderLoad } from '../support/redis-trouble.ts';

test('Redis is killed and comes back with its data: one outcome each, serving again within 3 s', async () => {
  const redis = await redisHere({ appendOnly: true });
  const troubled = await startUnderLoad(redis.url);

  await redis.kill('SIGKILL');
  await delay(500);
  await redis.restart();

  await expectServing(troubled, 3_000);
  await expectHonestOutcomes(troubled);
  await expectNothingLeft(redis.url, troubled.group, 15_000);
});

test('Redis is killed and comes back empty: one outcome each, serving again within 3 s', async () => {
  const redis = await redisHere();
  const troubled = await startUnderLoad(redis.url);

  await redis.kill('SIGKILL');
  await rm(join(redis.dir, 'dump.rdb'), { force: true });
  await delay(500);
  await redis.restart();

  await expectServing(troubled, 3_000);
  await expectHonestOutcomes(troubled);
  await expectNothingLeft(redis.url, troubled.group, 15_000);
});

test('Redis stands still for two seconds: nothing is lost, nothing runs twice', async () => {
  const redis = await redisHere();
  const troubled = await startUnderLoad(redis.url);

  await redis.kill('SIGSTOP');
  await delay(2_000);
  await redis.kill('SIGCONT');

  await expectServing(troubled, 3_000);
  const kinds = await expectHonestOutcomes(troubled);
  expect(Object.keys(kinds)).toEqual(['answered 200']);
  await expectNothingLeft(redis.url, troubled.group, 15_000);
});

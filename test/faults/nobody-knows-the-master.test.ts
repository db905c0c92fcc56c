import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../router-core/redis/connection/store.ts';
import { recordLog } from '../support/config.ts';
import { isOneNodeCluster } from '../support/engine.ts';
import { redisHere } from '../support/parts.ts';
import { freePort } from '../support/ports.ts';
import { waitFor } from '../support/wait.ts';

// Neither sentinel nor node can say where the keys are: that is said once, with the reason, and tried until one can.

const CASES = [
  ['redis+sentinel://u:secret@127.0.0.1:PORT/main', 'no sentinel answers, trying again', 'ECONNREFUSED'],
  ['redis+cluster://u:secret@127.0.0.1:PORT', 'no node of the Cluster answers, trying again', 'ECONNREFUSED'],
  [
    'redis+cluster://127.0.0.1:REDIS',
    'no node of the Cluster answers, trying again',
    'cluster support disabled',
  ],
  ['redis+sentinel://127.0.0.1:REDIS/main', 'no sentinel answers, trying again', 'unknown command'],
] as const;

// A server that is a Cluster does know.
const cases = CASES.filter(([, , reason]) => !reason.startsWith('cluster') || !isOneNodeCluster([]));

test.each(cases)('%s', async (url, msg, reason) => {
  const redis = await redisHere();
  const { log, lines } = recordLog();
  const there = url.replace('PORT', String(await freePort())).replace('REDIS', String(redis.port));
  const store = openStore({ url: there, log });
  onTestFinished(() => store.close());
  const connection = store.at('g', 'commands');
  const said = () => lines.filter((line) => line.msg === msg);
  await waitFor(() => said().length > 0, { what: 'the warning' });
  expect(said()[0]).toMatchObject({ level: 40, reason: expect.stringContaining(reason) as string });
  expect(await connection.readyWithin(500)).toBeUndefined();
  expect(said()).toHaveLength(1);
  expect(JSON.stringify(lines)).not.toContain('secret');
  expect(store.isUp).toBe(false);
});

import { expect, test } from 'vitest';
import { apiHere } from '../support/api.ts';
import { waitFor } from '../support/wait.ts';
import { TIMEOUT } from './support/form.ts';
import type { RunRecord } from './support/run-record.ts';
import { startWorld } from './support/start-world.ts';

const ATTEMPTS = 3;

test(
  'a request that kills every agent that takes it stops after its attempts, and is listed',
  TIMEOUT,
  async () => {
    const hubFlags = ['--attempts', String(ATTEMPTS)];
    const world = await startWorld({ agents: 4, concurrency: 4, leaseMs: 1_500, hubFlags });
    const { record, agents, group } = world;
    const others = await world.startClient({
      name: 'other',
      concurrency: 6,
      requests: [{ method: 'GET', workMs: [5, 30], replyBytes: [0, 5_000] }],
    });
    const poison = await world.startClient({
      name: 'poison',
      concurrency: 1,
      count: 1,
      requests: [{ method: 'GET', workMs: 30_000 }],
    });

    const attempts = () => record.executions().filter(({ id }) => id === 'poison-0');
    const takers: string[] = [];
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      await waitFor(() => attempts().length === attempt, { what: `attempt ${attempt}` });
      const taker = attempts().at(-1)?.agent ?? '';
      takers.push(taker);
      await outrun(record, taker);
      await agents.find(({ name }) => name === taker)?.kill();
    }
    await poison.done;

    expect(record.tally((id) => id === 'poison-0')).toEqual({ 'answered 502 attempts-exhausted': 1 });
    const api = await apiHere(world.redis.url);
    const { body } = await api.get(`/v1/dead?group=${group}`);
    const lost = takers.at(-1) ?? '';
    expect(body).toMatchObject({
      items: [
        {
          id: expect.stringMatching(/./) as string,
          group,
          method: 'GET',
          attempts: ATTEMPTS,
          target: expect.stringContaining('poison-0') as string,
          instance: expect.stringMatching(new RegExp(`^${lost}\\b`)) as string,
          reason: expect.stringContaining('agent lost') as string,
        },
      ],
      next: null,
    });
    await world.expectServing(5_000);
    await others.stop();
    expect(Object.keys(record.tally((id) => id.startsWith('other')))).toEqual(['answered 200']);
    expect(attempts()).toHaveLength(ATTEMPTS);
    await world.expectPromisesKept();
  },
);

/** Waits for what came to this agent together with the poison: one that lost three agents with it would be exhausted, too. */
async function outrun(record: RunRecord, taker: string): Promise<void> {
  const others = record.running().filter(({ agent, id }) => agent === taker && id !== 'poison-0');
  const ids = new Set(others.map(({ execution }) => execution));
  const haveEnded = () => !record.running().some(({ execution }) => ids.has(execution));
  await waitFor(haveEnded, { what: 'what runs beside it to end' });
}

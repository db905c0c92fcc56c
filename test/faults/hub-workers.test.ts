import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask } from '../support/ask.ts';
import { agentHere, hubProcess, upstreamHere } from '../support/parts.ts';
import { isAlive } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** Ids of a process's children; undefined where /proc does not tell. */
function childrenOf(pid: number): number[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return undefined;
  }
}

// Without /proc there is no telling which processes are the workers.
test.skipIf(childrenOf(process.pid) === undefined)(
  'two workers serve one port; a killed one is replaced; SIGTERM stops all',
  async () => {
    const group = uniqueGroup();
    const upstream = await upstreamHere((req, res) => res.end(req.url));
    const hub = await hubProcess(redis.url, group, ['--workers', '2', '--drain', '1s']);
    await agentHere(redis.url, group, upstream.url);
    const workers = () => childrenOf(hub.pid) ?? [];
    await waitFor(() => workers().length === 2, { what: 'two workers' });
    const before = workers();
    const tenBodies = async () =>
      (await Promise.all(Array.from({ length: 10 }, (_, i) => ask(`${hub.url}/${i}`)))).map(
        ({ body }) => body,
      );
    const expected = Array.from({ length: 10 }, (_, i) => `/${i}`);
    expect(await tenBodies()).toEqual(expected);

    const [victim = 0, survivor = 0] = before;
    process.kill(victim, 'SIGKILL');
    await waitFor(() => workers().length === 2 && !workers().includes(victim), { what: 'another worker' });
    expect(workers()).toContain(survivor);
    // The new one takes connections only when it has Redis: nothing is refused at any time.
    for (let round = 0; round < 20; round++) expect(await tenBodies()).toEqual(expected);

    const last = workers();
    await hub.kill('SIGTERM');
    expect(await hub.ended).toEqual({ code: 0, signal: null });
    expect(last.filter((pid) => isAlive(pid))).toEqual([]);
  },
);

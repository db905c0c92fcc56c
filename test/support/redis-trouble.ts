import { expect } from 'vitest';
import { ask, type Outcome } from './ask.ts';
import { countCalls, type CallCounter } from './call-counter.ts';
import { startLoad, tally, type Load } from './load.ts';
import { agentHere, hubHere, upstreamHere } from './parts.ts';
import { uniqueGroup } from './router.ts';
import { waitFor } from './wait.ts';

/** A hub and two agents under constant load, for tests that do something to their Redis. */
export interface Troubled {
  readonly group: string;
  readonly hubUrl: string;
  readonly calls: CallCounter;
  readonly load: Load;
}

/** Every other request is a POST; each has a path of its own, which its answer repeats. */
export async function startUnderLoad(redisUrl: string): Promise<Troubled> {
  const group = uniqueGroup();
  const calls = countCalls((req, res) => {
    req.resume().on('end', () => setTimeout(() => res.end(`${req.method} ${req.url}`), 5));
  });
  const upstream = await upstreamHere(calls.listener);
  const hub = await hubHere(redisUrl, group);
  for (const name of ['a', 'b']) await agentHere(redisUrl, group, upstream.url, { name, concurrency: 4 });
  const load = startLoad(8, (n) =>
    ask(`${hub.url}/${n}`, n % 2 === 0 ? { method: 'POST', body: 'x' } : { method: 'GET' }),
  );
  const troubled = { group, hubUrl: hub.url, calls, load };
  await expectServing(troubled, 5_000);
  return troubled;
}

/** Fails unless requests that start from now on are answered again within `withinMs`. */
export async function expectServing({ load }: Troubled, withinMs: number): Promise<void> {
  const last = Math.max(-1, ...load.outcomes.keys());
  const newlyAnswered = () =>
    [...load.outcomes].filter(([n, { status }]) => n > last + 8 && status === 200).length >= 20;
  await waitFor(newlyAnswered, { timeoutMs: withinMs, what: 'requests to be answered again' }).catch(
    (error: unknown) => {
      throw new Error(JSON.stringify(tally([...load.outcomes.values()])), { cause: error });
    },
  );
}

/** One outcome for every request, the right one or an honest error, and no POST executed twice. */
export async function expectHonestOutcomes({ load, calls }: Troubled): Promise<Record<string, number>> {
  await load.stop();
  const kinds = tally([...load.outcomes.values()]);
  expect(Object.keys(kinds).filter((kind) => !/^answered (200$|50[234] )/.test(kind))).toEqual([]);
  const wrong = [...load.outcomes].filter(([n, { status, body }]) => status === 200 && body !== answerTo(n));
  expect(wrong).toEqual([]);
  const posts = calls.calls.filter((path) => isPost(Number(path.slice(1))));
  expect(posts.filter((path, i) => posts.indexOf(path) !== i)).toEqual([]);
  const denied = [...load.outcomes].filter(([n, outcome]) => saysNotExecuted(outcome) && isPost(n));
  expect(denied.filter(([n]) => posts.includes(`/${n}`))).toEqual([]);
  return kinds;
}

const isPost = (n: number) => n % 2 === 0;
const answerTo = (n: number) => `${isPost(n) ? 'POST' : 'GET'} /${n}`;
const saysNotExecuted = ({ headers }: Outcome) => headers['router-executed'] === 'no';

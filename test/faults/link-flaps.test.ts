import { expect, test } from 'vitest';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { linkedWorld } from '../link/support/linked-world.ts';
import { download, numberedUpstream } from '../link/support/numbered-body.ts';
import { ask } from '../support/ask.ts';
import { startLoad, tally } from '../support/load.ts';
import { expectNothingLeft, upstreamHere } from '../support/parts.ts';
import { createRandom } from '../support/random.ts';
import { TIMEOUT } from './support/form.ts';

const FLAPS = 100;
const MIB = 1024 * 1024;

/** Answers with what it was asked, in two pieces, and counts the calls of each request. */
function echo() {
  const calls = new Map<string, number>();
  return {
    calls,
    listener: numberedOr((message, response) => {
      const { url = '' } = message;
      calls.set(url, (calls.get(url) ?? 0) + 1);
      let body = '';
      message.on('data', (chunk: Buffer) => (body += chunk.toString()));
      message.on('error', () => undefined);
      message.on('end', () => {
        response.write(`${url} `);
        setTimeout(() => response.end(body), Number(url.slice(2)) % 40);
      });
    }),
  };
}

type Listener = ReturnType<typeof numberedUpstream>['listener'];

function numberedOr(other: Listener): Listener {
  const numbered = numberedUpstream();
  return (message, response) =>
    /^\/\d/.test(message.url ?? '') ? numbered.listener(message, response) : other(message, response);
}

test(
  'a link that flaps a hundred times under load: no reply is wrong, mixed or doubled, and nothing runs twice',
  TIMEOUT,
  async () => {
    const world = await linkedWorld(2, ['--lease', '3s']);
    const { hubs } = world;
    const { calls, listener } = echo();
    const { url } = await upstreamHere(listener);
    const agent = await world.agent('far', url);
    await agent.linked(2);
    const bodyOf = (n: number) => `${n}:`.repeat((n % 5) * 2_000 + 1);
    const load = startLoad(12, (n) =>
      ask(`${hubs[n % 2]?.url ?? ''}/e${n}`, { method: 'POST', body: bodyOf(n) }),
    );
    const stream = download(hubs[0]?.url ?? '', 64 * MIB, 7);
    const random = createRandom(100);
    for (let flap = 0; flap < FLAPS; flap++) {
      await sleep(50 + random() * 250);
      const { line } = hubs[Math.floor(random() * 2)] ?? hubs[0]!;
      if (random() < 0.5) line.cut();
      else line.reset();
    }
    const outcomes = await load.stop();
    const streamed = (await stream.done).received;

    const answered = [...load.outcomes].filter(([, { status }]) => status === 200);
    const wrong = answered.filter(([n, { body }]) => body !== `/e${n} ${bodyOf(n)}`);
    expect(wrong.map(([n, { body }]) => [n, body.slice(0, 200)])).toEqual([]);
    expect([...calls].filter(([, count]) => count > 1)).toEqual([]);
    // What had not reached the agent when two hubs in turn were cut off may be lost with its lease; nothing else.
    const kinds = tally(outcomes);
    expect(
      Object.keys(kinds).filter((kind) => !['answered 200', 'answered 502 agent-lost'].includes(kind)),
    ).toEqual([]);
    expect(streamed.inOrder).toBe(true);
    if (streamed.complete) expect(streamed.bytes).toBe(64 * MIB);
    await expectNothingLeft(world.redisUrl, world.group);
  },
);

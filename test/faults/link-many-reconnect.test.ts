import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { encodeMessage, LINK_PROTOCOL, MESSAGE } from '../../router-core/websocket/wire/link-message.ts';
import { linkedWorld } from '../link/support/linked-world.ts';
import { offerOf } from '../link/support/scripted-agent.ts';
import { ask } from '../support/ask.ts';
import { startLoad, tally } from '../support/load.ts';
import { upstreamHere } from '../support/parts.ts';
import { quantile } from '../support/quantile.ts';
import { waitFor } from '../support/wait.ts';
import { shortOrLong, TIMEOUT } from './support/form.ts';

const AGENTS = shortOrLong(200, 1_000);

test('many agents that dial at once fail no request of others', TIMEOUT, async () => {
  const world = await linkedWorld(1);
  const url = world.hubs[0]?.url ?? '';
  const upstream = await upstreamHere((request, response) => {
    request.resume();
    setTimeout(() => response.end('ok'), 20);
  });
  await world.agent('good', upstream.url);
  const crowd = await world.records.set('crowd', { group: world.group });
  const sockets = new Set<WebSocket>();
  onTestFinished(() => sockets.forEach((socket) => socket.terminate()));
  let welcome = 0;
  const dialAll = async () => {
    welcome = 0;
    for (let i = 0; i < AGENTS; i++) {
      const headers = { authorization: `Bearer ${crowd}` };
      const ws = new WebSocket(`${url.replace(/^http/, 'ws')}/_router/link`, [LINK_PROTOCOL], { headers });
      sockets.add(ws);
      ws.on('error', () => undefined);
      ws.on('open', () =>
        ws.send(encodeMessage(MESSAGE.hello, 0, { protocol: 1, name: `crowd-${i}`, offer: offerOf(1, 0) })),
      );
      ws.once('message', () => (welcome += 1));
    }
    await waitFor(() => welcome === AGENTS, { what: 'all to be linked', timeoutMs: 30_000 });
  };
  const times = async (during: () => Promise<void>): Promise<number> => {
    const load = startLoad(4, () => ask(url));
    await during();
    const outcomes = await load.stop();
    expect(tally(outcomes)).toEqual({ 'answered 200': outcomes.length });
    return quantile(
      outcomes.map(({ elapsedMs }) => elapsedMs),
      0.99,
    );
  };
  await dialAll();
  const alone = await times(() => sleep(5_000));
  const beside = await times(async () => {
    await sleep(2_000);
    sockets.forEach((socket) => socket.terminate());
    sockets.clear();
    await dialAll();
    await sleep(2_000);
  });
  console.log(
    `${AGENTS} agents: 99 % within ${alone.toFixed(1)} ms alone, ${beside.toFixed(1)} ms beside them`,
  );
});

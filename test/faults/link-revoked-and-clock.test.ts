import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { linkedWorld } from '../link/support/linked-world.ts';
import { download, numberedUpstream } from '../link/support/numbered-body.ts';
import { ask } from '../support/ask.ts';
import { startLoad, tally } from '../support/load.ts';
import { upstreamHere } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';
import { TIMEOUT } from './support/form.ts';

const MIB = 1024 * 1024;
const FAKETIME = process.env['FAKETIME_LIBRARY'] ?? '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';

test(
  'a token that is revoked under load: its agent ends, and every request has an outcome',
  TIMEOUT,
  async () => {
    const world = await linkedWorld(2);
    const url = world.hubs[0]?.url ?? '';
    const upstream = await upstreamHere((request, response) => {
      request.resume();
      setTimeout(() => response.end(`from ${request.url}`), 20);
    });
    const agent = await world.agent('far', upstream.url);
    await agent.linked(2);
    const load = startLoad(8, (n) => ask(`${url}/${n}`));
    await waitFor(() => load.outcomes.size > 50, { what: 'some answers' });
    const at = performance.now();
    await world.records.remove('gpu');
    expect((await agent.ended).code).toBe(4);
    expect(performance.now() - at).toBeLessThan(5_000);
    const kept = load.stop();
    // Whatever was with it runs on another agent, or is said to be lost.
    await world.records.set('gpu', { group: world.group });
    await world.agent('again', upstream.url);
    const kinds = Object.keys(tally(await kept));
    const allowed = ['answered 200', 'answered 502 agent-lost', 'answered 503 no-agent'];
    expect(kinds.filter((kind) => !allowed.includes(kind))).toEqual([]);
  },
);

test.skipIf(!existsSync(FAKETIME))(
  'an agent whose clock is an hour ahead: its link stays, and requests and streams are served',
  TIMEOUT,
  async () => {
    const world = await linkedWorld(2);
    const upstream = numberedUpstream();
    const { url } = await upstreamHere(upstream.listener);
    const env = { LD_PRELOAD: FAKETIME, FAKETIME: '+3600s', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
    await world.agent('ahead', url, { env });
    for (const hub of world.hubs) {
      const { received } = await download(hub.url, 4 * MIB, 10).done;
      expect(received).toMatchObject({ bytes: 4 * MIB, inOrder: true, complete: true });
    }
  },
);

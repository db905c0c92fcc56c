import type { Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sleep } from '../../router-core/runtime/backoff.ts';
import { ask } from '../support/ask.ts';
import { startDataPath } from '../support/data-path.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

test.each([
  ['large', 100_000],
  ['small', 100],
])(
  '%s POSTs never meet the close of an upstream that says when it closes',
  async (_what, size) => {
    const timers = new Map<Socket, NodeJS.Timeout>();
    const closeSoon = (socket: Socket) => {
      const timer = setTimeout(() => socket.destroy(), 2_000);
      timers.set(socket, timer);
    };
    const path = await startDataPath(
      redis,
      (req, res) => {
        clearTimeout(timers.get(req.socket));
        req.resume().on('end', () => {
          res.writeHead(200, { 'Keep-Alive': 'timeout=2', 'Content-Length': 2 }).end('ok');
          closeSoon(req.socket);
        });
      },
      { agent: { concurrency: 4 } },
    );
    // Around the moment at which the upstream closes.
    const runs = [1_960, 1_985, 1_995, 2_005].map(async (pause) => {
      for (let i = 0; i < 4; i++) {
        const { status } = await ask(path.hub.url, { method: 'POST', body: 'x'.repeat(size) });
        expect(status).toBe(200);
        await sleep(pause);
      }
    });
    await Promise.all(runs);
    await path.close();
    for (const timer of timers.values()) clearTimeout(timer);
  },
  20_000,
);

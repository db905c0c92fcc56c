import { createServer, type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { UpstreamPool } from '../../router-core/agent/upstream/upstream-pool.ts';

const HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const CHUNKS = Buffer.from('1\r\nx\r\n'.repeat(11_000));
const TIMES = 40;
const CALLS = 16;

test('16 upstreams that send chunks of one byte keep nobody waiting, and cost few objects', async () => {
  const upstream = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(HEAD);
      let left = TIMES;
      const send = () => {
        left -= 1;
        if (left < 0) socket.end('0\r\n\r\n');
        else socket.write(CHUNKS, send);
      };
      send();
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const pool = new UpstreamPool({ origin, connectTimeoutMs: 1_000 });
  pool.slots = CALLS;
  onTestFinished(() => {
    pool.destroy();
    upstream.close();
  });

  let pieces = 0;
  const call = () =>
    new Promise<number>((resolve, reject) => {
      let bytes = 0;
      const head = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
      const request = { method: 'GET', head, body: undefined, framing: 0, follows: false, trailers: '' };
      pool.call(request, {
        onReady: () => undefined,
        onInterim: () => undefined,
        onHead: () => undefined,
        onBody: ({ length }) => {
          pieces += 1;
          bytes += length;
          return true;
        },
        onEnd: () => resolve(bytes),
        onError: reject,
      });
    });
  const turns: number[] = [];
  let last = performance.now();
  let over = false;
  const turn = () => {
    turns.push(performance.now() - last);
    last = performance.now();
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);

  const bodies = await Promise.all(Array.from({ length: CALLS }, call));
  over = true;

  expect(bodies).toEqual(bodies.map(() => 11_000 * TIMES));
  // 7 million chunks; without joining, as many objects.
  expect(pieces).toBeLessThan(CALLS * TIMES * 20);
  const sorted = turns.sort((a, b) => a - b);
  expect(sorted[Math.floor(sorted.length * 0.99)]).toBeLessThan(50);
});

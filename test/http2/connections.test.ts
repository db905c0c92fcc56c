import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { answerOf, askHttp2, openHttp2 } from '../support/http2-client.ts';
import { FLAG, frame, FRAME, getHead, openFrames, verdictOn } from '../support/http2-frames.ts';
import { agentHere, redisHere, upstreamHere } from '../support/parts.ts';
import { openRaw } from '../support/raw-http.ts';
import { startTestHub, uniqueGroup } from '../support/router.ts';
import { FIRST, writeCertificate } from '../support/certificates.ts';
import { openSecure } from '../support/secure-http.ts';
import { useTemporaryDirectory } from '../support/temporary-directory.ts';
import { waitFor } from '../support/wait.ts';

const folder = useTemporaryDirectory();

/** A hub with both ports, whose upstream answers what is not `/hold…` at once. */
async function start(options: { keepAliveMs?: number } = {}) {
  const redis = await redisHere();
  const group = uniqueGroup();
  const held = new Map<string, ServerResponse>();
  const upstream = await upstreamHere((req, res) => {
    if (req.url?.startsWith('/hold')) held.set(req.url, res);
    else res.end('ok');
  });
  await agentHere(redis.url, group, upstream.url, { concurrency: 300 });
  const { cert, key } = await writeCertificate(folder.path, 'first', FIRST);
  const tls = { tlsCerts: [cert], tlsKeys: [key], httpPort: 0, httpsRedirect: false };
  const hub = await startTestHub(redis.url, group, { drainMs: 5_000, ...tls, ...options });
  onTestFinished(() => hub.close());
  const clear = hub.httpPort ?? 0;
  const heldAt = (url: string) => waitFor(() => held.get(url), { what: `${url} at the upstream` });
  return { hub, clear, heldAt };
}

test('a drain lets streams end, and says which request is the last that counts', async () => {
  const { hub, clear, heldAt } = await start();
  const client = await openHttp2(hub.url);
  const running = askHttp2(client, { ':path': '/hold-1' });
  const bare = await openFrames(clear);
  bare.send(frame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 1, getHead('/hold-2')));
  const held = [await heldAt('/hold-1'), await heldAt('/hold-2')];
  const closing = hub.close();
  const { payload } = await bare.next(({ type }) => type === FRAME.GOAWAY, 'GOAWAY');
  expect({ last: payload.readUInt32BE(0), code: payload.readUInt32BE(4) }).toEqual({ last: 1, code: 0 });
  for (const res of held) res.end('whole');
  expect(await running).toMatchObject({ status: 200, rstCode: 0 });
  expect(await verdictOn(bare, 1)).toBe('200');
  await closing;
  await bare.closed;
  expect(client.closed).toBe(true);
});

test('idle connections are closed, however they speak', async () => {
  const { hub, clear } = await start({ keepAliveMs: 1_000 });
  const http2 = [await openHttp2(hub.url), await openHttp2(`http://127.0.0.1:${clear}`)];
  const http1 = [await openSecure(hub.port), await openRaw(clear)];
  for (const client of http2)
    expect(await askHttp2(client, { ':path': '/a' })).toMatchObject({ status: 200 });
  for (const client of http1) {
    client.write('GET /a HTTP/1.1\r\nHost: h\r\n\r\n');
    expect((await client.reply()).status).toBe(200);
  }
  const from = performance.now();
  await Promise.all([...http2.map((client) => once(client, 'close')), ...http1.map(({ ended }) => ended)]);
  expect(performance.now() - from).toBeGreaterThan(800);
  for (const { socket } of http1) socket.destroy();
});

test('a drain closes idle connections at once, however they speak', async () => {
  const { hub, clear } = await start();
  const http2 = [await openHttp2(hub.url), await openHttp2(`http://127.0.0.1:${clear}`)];
  const http1 = [await openSecure(hub.port), await openRaw(clear)];
  for (const client of http2) await askHttp2(client, { ':path': '/a' });
  for (const client of http1) {
    client.write('GET /a HTTP/1.1\r\nHost: h\r\n\r\n');
    await client.reply();
  }
  const from = performance.now();
  const closed = [...http2.map((client) => once(client, 'close')), ...http1.map(({ ended }) => ended)];
  await hub.close();
  for (const { socket } of http1) socket.destroy();
  await Promise.all(closed);
  expect(performance.now() - from).toBeLessThan(3_000);
});

test('whatever stays silent is closed: before TLS, after it, within a head, and behind a preface', async () => {
  const { hub, clear } = await start();
  const silent = [
    await openRaw(hub.port),
    await openSecure(hub.port),
    await openSecure(hub.port, 'h2'),
    await openRaw(clear),
    await openRaw(clear),
    await openRaw(clear),
  ];
  silent[4]?.write('GET / HTTP/1.1\r\nHo');
  silent[5]?.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  const from = performance.now();
  await Promise.all(silent.map(({ ended }) => ended));
  expect(performance.now() - from).toBeGreaterThan(14_000);
  expect(performance.now() - from).toBeLessThan(23_000);
  expect(silent[4]?.received()).toContain('408');
  for (const client of silent) client.close();
});

test('a small reply is one write, over TLS as well', async () => {
  const { hub, clear } = await start();
  for (const client of [await openSecure(hub.port), await openRaw(clear)]) {
    let pieces = 0;
    client.write('GET /warm HTTP/1.1\r\nHost: h\r\n\r\n');
    await client.reply();
    client.socket.on('data', () => (pieces += 1));
    client.write('GET /a HTTP/1.1\r\nHost: h\r\n\r\n');
    await client.reply();
    expect(pieces).toBe(1);
    client.close();
  }
  const frames = await openFrames(clear);
  frames.send(frame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 1, getHead('/warm')));
  await verdictOn(frames, 1);
  let pieces = 0;
  frames.socket.on('data', () => (pieces += 1));
  frames.send(frame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 3, getHead('/a')));
  await frames.next(({ stream, flags }) => stream === 3 && (flags & FLAG.END_STREAM) !== 0, 'the end');
  expect(pieces).toBe(1);
});

test('256 requests may run at once on a connection, and a client is told so', async () => {
  const { hub, heldAt } = await start();
  const client = await openHttp2(hub.url);
  expect(client.remoteSettings.maxConcurrentStreams).toBe(256);
  const running = Array.from({ length: 256 }, (_none, i) =>
    answerOf(client.request({ ':path': `/hold-${i}` })),
  );
  for (let i = 0; i < 256; i++) (await heldAt(`/hold-${i}`)).end('ok');
  for (const answer of running) expect((await answer).status).toBe(200);
});

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FIRST, writeCertificate } from '../support/certificates.ts';
import { startDataPath, type DataPath } from '../support/data-path.ts';
import { answerOf, askHttp2, openHttp2 } from '../support/http2-client.ts';
import { valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { useTemporaryFolder } from '../support/temporary-directory.ts';
import { waitFor } from '../support/wait.ts';

const folder = useTemporaryFolder();
let redis: TestRedis;
let path: DataPath;
const seen = new Map<string, { raw: string[]; trailers: string[]; body: string }>();
const held = new Map<string, ServerResponse>();
const gone = new Map<string, number>();

beforeAll(async () => {
  redis = await startRedis();
  const { cert, key } = await writeCertificate(folder.path, 'first', FIRST);
  path = await startDataPath(
    redis,
    (req, res) => {
      const url = req.url ?? '';
      const chunks: Buffer[] = [];
      res.on('close', () => void (res.writableFinished || gone.set(url, performance.now())));
      if (url.startsWith('/hold')) {
        held.set(url, res);
        return;
      }
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        const body = Buffer.concat(chunks).toString('latin1');
        seen.set(url, { raw: req.rawHeaders, trailers: req.rawTrailers, body });
        answer(url, body, res);
      });
    },
    {
      agent: { concurrency: 64 },
      hub: { tlsCerts: [cert], tlsKeys: [key], httpPort: 0, httpsRedirect: false, maxBodyBytes: 10_000_000 },
    },
  );
});
afterAll(async () => {
  await path.close();
  await redis.stop();
});

function answer(url: string, body: string, res: ServerResponse): void {
  if (url === '/trailers') {
    res.writeHead(200, { trailer: 'x-sum' });
    res.write('some');
    res.addTrailers({ 'x-sum': '4' });
    res.end();
  } else if (url === '/twice') {
    const raw = ['Content-Type', 'text/plain', 'Content-Type', 'text/html', 'ETag', '"a"', 'ETag', '"b"'];
    res.writeHead(200, [...raw, 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Vary', 'a', 'Vary', 'b']);
    res.end('x');
  } else if (url === '/hints') {
    res.writeEarlyHints({ link: '</a.css>; rel=preload' });
    res.end('late');
  } else if (url === '/break') {
    res.write('some');
    setTimeout(() => res.destroy(), 50);
  } else if (url === '/none') res.writeHead(204).end();
  else res.end(`echo ${body}`);
}

const heldAt = (url: string) => waitFor(() => held.get(url), { what: `${url} at the upstream` });

const doors = [
  { door: 'over TLS by ALPN', at: () => path.hub.url },
  { door: 'in the clear by prior knowledge', at: () => `http://127.0.0.1:${path.hub.httpPort}` },
];

describe.each(doors)('HTTP/2 $door', ({ door, at }) => {
  test('a request with a body is answered, and its upstream sees who has sent it', async () => {
    const client = await openHttp2(at());
    const url = `/echo-${door.length}`;
    const reply = await askHttp2(
      client,
      {
        ':method': 'POST',
        ':path': url,
        ':authority': 'first.example',
        cookie: ['a=1', 'b=2'],
        te: 'trailers',
      },
      'h\xe9',
    );
    expect(reply).toMatchObject({ status: 200, rstCode: 0 });
    expect(reply.headers['via']).toBe('1.1 mini-router');
    expect(reply.body.toString('latin1')).toContain('echo h');
    const raw = seen.get(url)?.raw ?? [];
    expect(valuesOf(raw, 'cookie')).toEqual(['a=1; b=2']);
    expect(valuesOf(raw, 'via')).toEqual(['2.0 mini-router']);
    expect(valuesOf(raw, 'te')).toEqual(['trailers']);
    expect(valuesOf(raw, 'x-forwarded-host')).toEqual(['first.example']);
    expect(valuesOf(raw, 'x-forwarded-for')).toEqual(['127.0.0.1']);
    expect(valuesOf(raw, 'x-forwarded-proto')).toEqual([door.includes('TLS') ? 'https' : 'http']);
  });

  test('bodies of 5 MB go both ways unharmed, on several streams at once', async () => {
    const client = await openHttp2(at());
    const body = Buffer.alloc(5_000_000, 'abcdefg');
    const ask = (i: number) => askHttp2(client, { ':method': 'POST', ':path': `/big${i}` }, body);
    for (const reply of await Promise.all([ask(1), ask(2), ask(3)])) {
      expect(reply.status).toBe(200);
      expect(reply.body.equals(Buffer.concat([Buffer.from('echo '), body]))).toBe(true);
    }
  });

  test('trailers go both ways', async () => {
    const client = await openHttp2(at());
    const stream = client.request({ ':method': 'POST', ':path': '/trailers' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-up': 'yes', host: 'evil' }));
    stream.end('body');
    const reply = await answerOf(stream);
    expect(reply.body.toString()).toBe('some');
    expect(reply.trailers['x-sum']).toBe('4');
    expect(seen.get('/trailers')?.trailers).toEqual(['x-up', 'yes']);
  });

  test('interim replies go on, and Expect is answered', async () => {
    const client = await openHttp2(at());
    expect(await askHttp2(client, { ':path': '/hints' })).toMatchObject({ status: 200, interim: [103] });
    const expecting = client.request({ ':method': 'POST', ':path': '/expects', expect: '100-continue' });
    await once(expecting, 'continue');
    expecting.end('now');
    expect((await answerOf(expecting)).body.toString()).toBe('echo now');
  });

  test('fields of which there is one come once, the others as often as they were sent', async () => {
    const reply = await askHttp2(await openHttp2(at()), { ':path': '/twice' });
    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({ 'content-type': 'text/plain', etag: '"a"', vary: 'a, b' });
    expect(reply.headers['set-cookie']).toEqual(['a=1', 'b=2']);
  });

  test('replies without a body end with their head', async () => {
    const client = await openHttp2(at());
    expect(await askHttp2(client, { ':path': '/none' })).toMatchObject({ status: 204, rstCode: 0 });
    const head = await askHttp2(client, { ':method': 'HEAD', ':path': '/head' });
    expect(head).toMatchObject({ status: 200, rstCode: 0 });
    expect(head.body).toHaveLength(0);
  });

  test('a stream that is reset ends its upstream’s work at once, and no other stream', async () => {
    const client = await openHttp2(at());
    const url = `/hold-reset-${door.length}`;
    const other = askHttp2(client, { ':path': `/hold-other-${door.length}` });
    const stream = client.request({ ':path': url });
    const outcome = answerOf(stream);
    const beside = await heldAt(`/hold-other-${door.length}`);
    await heldAt(url);
    const from = performance.now();
    stream.close(8);
    await outcome;
    const at100 = await waitFor(() => gone.get(url), { what: 'the upstream to be left' });
    expect(at100 - from).toBeLessThan(100);
    beside.end('still here');
    expect((await other).body.toString()).toBe('still here');
  });

  test('a connection that is cut cancels all that runs on it', async () => {
    const client = await openHttp2(at());
    const urls = [1, 2, 3].map((i) => `/hold-cut${i}-${door.length}`);
    for (const url of urls) void askHttp2(client, { ':path': url });
    for (const url of urls) await heldAt(url);
    client.destroy();
    for (const url of urls) await waitFor(() => gone.get(url), { what: `${url} to be left` });
  });

  test('a reply that breaks off is a stream error', async () => {
    const reply = await askHttp2(await openHttp2(at()), { ':path': '/break' });
    expect(reply).toMatchObject({ status: 200, rstCode: 2 });
  });

  test('errors of the router come as over HTTP/1.1', async () => {
    const client = await openHttp2(at());
    const large = { ':method': 'POST', ':path': '/large', 'content-length': '20000000' };
    const stream = client.request(large);
    const refused = await answerOf(stream);
    expect(refused.headers).toMatchObject({ ':status': 413, 'router-error': 'body-too-large' });
    expect(JSON.parse(refused.body.toString())).toMatchObject({ code: 'body-too-large' });
    const target = await askHttp2(client, { ':path': `/${'x'.repeat(9_000)}` });
    expect(target.headers).toMatchObject({ ':status': 414, 'router-error': 'target-too-long' });
    const head = await askHttp2(client, { ':path': '/', 'x-a': 'x'.repeat(17_000) });
    expect(head.headers).toMatchObject({ ':status': 431, 'router-error': 'head-too-large' });
    expect((await askHttp2(client, { ':path': '/_router/live' })).status).toBe(200);
    expect((await askHttp2(client, { ':path': '/_router/link' })).status).toBe(404);
  });

  test('a slow reader delays no other stream', async () => {
    const client = await openHttp2(at());
    const slow = Array.from({ length: 20 }, (_none, i) => {
      const stream = client.request({ ':method': 'POST', ':path': `/slow${i}-${door.length}` });
      stream.end(Buffer.alloc(1_500_000));
      return stream;
    });
    await waitFor(() => seen.size > 0 && slow.every((_s, i) => seen.has(`/slow${i}-${door.length}`)), {
      what: 'all at the upstream',
      timeoutMs: 20_000,
    });
    for (let i = 0; i < 20; i++) {
      const from = performance.now();
      expect(await askHttp2(client, { ':method': 'POST', ':path': '/quick' }, 'x')).toMatchObject({
        status: 200,
        rstCode: 0,
      });
      expect(performance.now() - from).toBeLessThan(1_000);
    }
    for (const stream of slow) {
      const { body } = await answerOf(stream);
      expect(body).toHaveLength(1_500_005);
    }
  });
});

test('HTTP/1.1 beside it is served on the same ports', async () => {
  expect((await fetch(`http://127.0.0.1:${path.hub.httpPort}/one`)).status).toBe(200);
});

test('an upload that is refused at its head is stopped, and the connection goes on', async () => {
  const client = await openHttp2(path.hub.url);
  const stream = client.request({ ':method': 'POST', ':path': '/refused', 'content-length': '20000000' });
  const refused = answerOf(stream);
  stream.write(Buffer.alloc(1_000_000));
  expect((await refused).status).toBe(413);
  expect((await askHttp2(client, { ':path': '/after' })).status).toBe(200);
});

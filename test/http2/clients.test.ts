import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { findProgram } from '../../router-core/runtime/find-program.ts';
import { FIRST, writeCertificate } from '../support/certificates.ts';
import { startDataPath, type DataPath } from '../support/data-path.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { useTemporaryFolder } from '../support/temporary-directory.ts';

// Clients that people use, each against both ports of one hub.

const run = promisify(execFile);
const folder = useTemporaryFolder();
let redis: TestRedis;
let path: DataPath;
beforeAll(async () => {
  redis = await startRedis();
  const { cert, key } = await writeCertificate(folder.path, 'first', FIRST);
  path = await startDataPath(
    redis,
    (req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        res.setHeader('x-via', req.headers.via ?? '');
        res.write('event: one\n\n');
        res.end(`${req.method} ${Buffer.concat(chunks).length}`);
      });
    },
    { hub: { tlsCerts: [cert], tlsKeys: [key], httpPort: 0, httpsRedirect: false } },
  );
});
afterAll(async () => {
  await path.close();
  await redis.stop();
});

test.skipIf(findProgram('curl') === undefined).each([
  { flags: ['--http1.1'], isTls: true, version: '1.1' },
  { flags: ['--http2'], isTls: true, version: '2' },
  { flags: ['--http1.1'], isTls: false, version: '1.1' },
  // It offers h2c by Upgrade, which is ignored.
  { flags: ['--http2'], isTls: false, version: '1.1' },
  { flags: ['--http2-prior-knowledge'], isTls: false, version: '2' },
])('curl $flags is answered, over TLS: $isTls', async ({ flags, isTls, version }) => {
  const url = isTls ? `https://localhost:${path.port}/x` : `http://localhost:${path.hub.httpPort}/x`;
  const ca = ['--cacert', `${folder.path}/first.crt`];
  const shown = ['-sS', '--max-time', '20', '-w', '|%{http_version}|%header{x-via}'];
  const body = ['--data-binary', 'x'.repeat(100_000), '--resolve', `*:${path.port}:127.0.0.1`];
  const { stdout } = await run('curl', [...flags, ...ca, ...shown, ...body, '-4', url]);
  const upstreamSaw = version === '2' ? '2.0 mini-router' : '1.1 mini-router';
  expect(stdout).toBe(`event: one\n\nPOST 100000|${version}|${upstreamSaw}`);
});

test('undici with allowH2 is answered over HTTP/2', async () => {
  const dispatcher = new Agent({ allowH2: true, connect: { ca: FIRST.cert } });
  onTestFinished(() => dispatcher.close());
  const ask = async (i: number) => {
    const url = `https://localhost:${path.port}/u${i}`;
    const { statusCode, headers, body } = await request(url, {
      method: 'POST',
      body: 'x'.repeat(i),
      dispatcher,
    });
    return { statusCode, via: headers['x-via'], text: await body.text() };
  };
  const replies = await Promise.all(Array.from({ length: 30 }, (_none, i) => ask(i)));
  for (const [i, reply] of replies.entries()) {
    expect(reply).toEqual({ statusCode: 200, via: '2.0 mini-router', text: `event: one\n\nPOST ${i}` });
  }
});

import { Agent, get } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { FIRST, SECOND, writeCertificate } from '../support/certificates.ts';
import { startDataPath, type DataPath } from '../support/data-path.ts';
import { rawRequest, sendRaw, valuesOf } from '../support/raw-http.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { useTemporaryFolder } from '../support/temporary-directory.ts';
import { openSecure } from '../support/secure-http.ts';

const folder = useTemporaryFolder();
let redis: TestRedis;
let path: DataPath;
beforeAll(async () => {
  redis = await startRedis();
  const first = await writeCertificate(folder.path, 'first', FIRST);
  const second = await writeCertificate(folder.path, 'second', SECOND);
  const tls = { tlsCerts: [first.cert, second.cert], tlsKeys: [first.key, second.key], httpPort: 0 };
  path = await startDataPath(
    redis,
    (req, res) => {
      const { 'x-forwarded-proto': proto } = req.headers;
      if (req.url === '/cut') {
        res.write('some');
        setTimeout(() => res.destroy(), 50);
      } else req.resume().on('end', () => res.end(`${req.method} ${req.url} by ${proto?.toString()}`));
    },
    { hub: tls },
  );
});
afterAll(async () => {
  await path.close();
  await redis.stop();
});

/** The name of the certificate that a client gets who asks for this host. */
async function certificateFor(servername: string | undefined): Promise<string> {
  const socket = await open({ servername: servername ?? '' });
  return String(socket.getPeerCertificate().subject.CN);
}

function open(options: {
  servername?: string;
  ALPNProtocols?: string[];
  maxVersion?: 'TLSv1.1' | 'TLSv1.2';
}) {
  const socket = connect({ port: path.port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  onTestFinished(() => void socket.destroy());
  return new Promise<TLSSocket>((resolve, reject) => {
    socket.on('secureConnect', () => resolve(socket)).on('error', reject);
  });
}

test('requests over TLS are answered, one after the other on a connection, and upstreams are told', async () => {
  const client = await openSecure(path.port);
  for (let i = 0; i < 3; i++) {
    client.write(rawRequest([`POST /tls${i} HTTP/1.1`, 'Host: first.example', 'Content-Length: 2'], 'ab'));
    expect((await client.reply()).body.toString()).toBe(`POST /tls${i} by https`);
  }
});

test.each([
  { asked: 'first.example', got: 'first' },
  { asked: 'SECOND.example', got: 'second' },
  { asked: 'a.wild.example', got: 'second' },
  { asked: 'a.b.wild.example', got: 'first' },
  { asked: 'wild.example', got: 'first' },
  { asked: 'unknown.example', got: 'first' },
  { asked: undefined, got: 'first' },
])('a client that asks for $asked gets the certificate of $got', async ({ asked, got }) => {
  expect(await certificateFor(asked)).toBe(got);
});

test('TLS 1.2 is the oldest that is spoken', async () => {
  expect((await open({ maxVersion: 'TLSv1.2' })).getProtocol()).toBe('TLSv1.2');
  await expect(open({ maxVersion: 'TLSv1.1' })).rejects.toThrow(/alert|protocol/i);
});

test('a client may choose HTTP/2 or HTTP/1.1, and no other protocol', async () => {
  expect((await open({ ALPNProtocols: ['h2', 'http/1.1'] })).alpnProtocol).toBe('h2');
  expect((await open({ ALPNProtocols: ['http/1.1'] })).alpnProtocol).toBe('http/1.1');
  expect((await open({})).alpnProtocol).toBe(false);
  await expect(open({ ALPNProtocols: ['spdy/3'] })).rejects.toThrow(/alert/);
});

test('a session is taken up again, whatever the name of the certificate', async () => {
  for (const servername of ['first.example', 'second.example']) {
    const options = { port: path.port, rejectUnauthorized: false, servername };
    const ask = (agent: Agent) =>
      new Promise<boolean>((resolve, reject) => {
        const req = get({ ...options, agent, path: '/again' }, (res) => {
          const reused = (res.socket as TLSSocket).isSessionReused();
          res.resume().on('end', () => resolve(reused));
        });
        req.on('error', reject);
      });
    const agent = new Agent({ maxCachedSessions: 10 });
    expect(await ask(agent)).toBe(false);
    expect(await ask(agent)).toBe(true);
  }
});

test('the port in the clear sends clients to TLS, but answers health checks', async () => {
  const port = path.hub.httpPort ?? 0;
  const ask = (target: string, host: string) =>
    sendRaw(port, rawRequest([`POST ${target} HTTP/1.1`, `Host: ${host}`, 'Content-Length: 2'], 'ab'));
  const reply = await ask('/a%20b?c=d', 'first.example:8080');
  expect(reply.status).toBe(308);
  expect(valuesOf(reply.headers, 'location')).toEqual([`https://first.example:${path.port}/a%20b?c=d`]);
  expect((await sendRaw(port, rawRequest(['GET /_router/ready HTTP/1.1', 'Host: h']))).status).toBe(200);
  expect((await ask('/a', 'two,hosts')).status).toBe(400);
});

test('a client without TLS at the port with TLS is closed, and nobody else is disturbed', async () => {
  await expect(sendRaw(path.port, rawRequest(['GET / HTTP/1.1', 'Host: h']))).rejects.toThrow(/broke/);
  expect(await certificateFor('first.example')).toBe('first');
});

test('a reply of HTTP/1.0 that breaks off is a reset, not an end', async () => {
  const client = await openSecure(path.port);
  client.write(rawRequest(['GET /cut HTTP/1.0', 'Host: h']));
  expect(await client.ended).toBe('reset');
});

import { Agent, get } from 'node:https';
import { unlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ExpiryNotice } from '../../router-core/hub/front/expiry-notice.ts';
import type { Logger } from '../../router-core/runtime/logger.ts';
import { EXPIRED, FIRST, RENEWED, SECOND, writeCertificate } from '../support/certificates.ts';
import { recordLog } from '../support/config.ts';
import { agentHere, redisHere, upstreamHere } from '../support/parts.ts';
import { startTestHub, uniqueGroup } from '../support/router.ts';
import { configFor } from '../support/settings.ts';
import { hubSettings } from '../../router-core/hub/settings.ts';
import { openTls } from '../../router-core/hub/front/open-tls.ts';
import { useTemporaryDirectory } from '../support/temporary-directory.ts';
import { waitFor } from '../support/wait.ts';

const folder = useTemporaryDirectory();

async function start() {
  const redis = await redisHere();
  const group = uniqueGroup();
  const upstream = await upstreamHere((_req, res) => res.end('ok'));
  await agentHere(redis.url, group, upstream.url);
  const first = await writeCertificate(folder.path, 'first', FIRST);
  const second = await writeCertificate(folder.path, 'second', SECOND);
  const { log, lines } = recordLog();
  const tls = { tlsCerts: [first.cert, second.cert], tlsKeys: [first.key, second.key] };
  const hub = await startTestHub(redis.url, group, { drainMs: 600, ...tls }, log);
  onTestFinished(() => hub.close());
  return { hub, first, second, lines: () => lines.map((line) => JSON.stringify(line)) };
}

/** The fingerprint of the certificate that a client gets who asks for this host. */
function fingerprintAt(port: number, servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

test('a certificate that changes is used for new connections, and no request fails meanwhile', async () => {
  const { hub, first } = await start();
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const fresh = new Agent({ keepAlive: false });
  onTestFinished(() => agent.destroy());
  let answers = 0;
  const failures: unknown[] = [];
  let isOver = false;
  const ask = (by: Agent) =>
    new Promise<void>((resolve) => {
      const req = get(`${hub.url}/x`, { agent: by, rejectUnauthorized: false }, (res) => {
        if (res.statusCode !== 200) failures.push(res.statusCode);
        res.resume().on('end', () => resolve(void (answers += 1)));
      });
      req.on('error', (error) => resolve(void failures.push(error)));
    });
  const load = [agent, agent, fresh, fresh].map(async (by) => {
    while (!isOver) await ask(by);
  });
  const before = await fingerprintAt(hub.port, 'first.example');
  for (const [i, next] of [RENEWED, FIRST, RENEWED].entries()) {
    const now = await fingerprintAt(hub.port, 'first.example');
    await writeCertificate(folder.path, 'first', next);
    await waitFor(async () => (await fingerprintAt(hub.port, 'first.example')) !== now, {
      what: `swap ${i}`,
    });
    // Clients that name no host, or another one, get the first certificate too.
    expect(await fingerprintAt(hub.port, '')).toBe(await fingerprintAt(hub.port, 'first.example'));
  }
  expect(await fingerprintAt(hub.port, 'first.example')).not.toBe(before);
  isOver = true;
  await Promise.all(load);
  fresh.destroy();
  expect(failures).toEqual([]);
  expect(answers).toBeGreaterThan(50);
  expect(first.cert).toMatch(/first/);
});

test.each([
  {
    what: 'that is not its key',
    spoil: (key: string) => writeFile(key, SECOND.key),
    line: /key values mismatch/,
  },
  { what: 'that is none', spoil: (key: string) => writeFile(key, 'none'), line: /cannot be used/ },
  { what: 'that has gone', spoil: (key: string) => unlink(key), line: /ENOENT/ },
])('with a key $what the old certificate stays, which is said once', async ({ spoil, line }) => {
  const { hub, first, lines } = await start();
  const before = await fingerprintAt(hub.port, 'first.example');
  await spoil(first.key);
  const said = () => lines().filter((text) => text.includes('the old one stays'));
  await waitFor(() => said().length > 0, { what: 'a line' });
  expect(said().join()).toMatch(line);
  expect(await fingerprintAt(hub.port, 'first.example')).toBe(before);
  await writeCertificate(folder.path, 'first', RENEWED);
  await waitFor(async () => (await fingerprintAt(hub.port, 'first.example')) !== before, {
    what: 'the swap',
  });
  expect(said()).toHaveLength(1);
});

test('a new certificate that has expired is not used', async () => {
  const { hub, lines } = await start();
  const before = await fingerprintAt(hub.port, 'first.example');
  await writeCertificate(folder.path, 'first', EXPIRED);
  await waitFor(() => lines().some((text) => text.includes('it has expired')), { what: 'a line' });
  expect(await fingerprintAt(hub.port, 'first.example')).toBe(before);
});

test('a hub whose certificate cannot be used does not start, and says which', async () => {
  const first = await writeCertificate(folder.path, 'first', FIRST);
  const second = await writeCertificate(folder.path, 'second', SECOND);
  const open = async (...flags: string[]) => {
    const config = await configFor(hubSettings, ['--redis', 'redis://localhost', ...flags]);
    return openTls(config, {}, recordLog().log);
  };
  await expect(open('--tls-cert', first.cert, '--tls-key', second.key)).rejects.toThrow(
    /first\.crt with --tls-key .*second\.key cannot be used: .*key values mismatch/,
  );
  await expect(open('--tls-cert', '/none', '--tls-key', second.key)).rejects.toThrow(/\/none.*ENOENT/);
  await expect(open('--tls-cert', first.cert)).rejects.toThrow(/needs its --tls-key/);
  await expect(open('--http-port', '0')).rejects.toThrow(/use --port/);
});

test('an expiry is announced 30, 7 and 1 days before, and when it is there', () => {
  const warn = vi.fn<(entry: object, text: string) => void>();
  const error = vi.fn<(entry: object, text: string) => void>();
  const notice = new ExpiryNotice('a.crt', { warn, error } as unknown as Logger);
  const days = 86_400_000;
  for (const left of [40, 29.5, 29, 6.9, 6.8, 0.9, 0.5, -0.1, -1]) notice.look(left * days, 0);
  expect(warn.mock.calls.map(([, text]) => text)).toEqual([
    'a certificate expires in less than 30 days',
    'a certificate expires in less than 7 days',
    'a certificate expires in less than 1 day',
  ]);
  expect(error).toHaveBeenCalledTimes(1);
  notice.renewed();
  notice.look(29 * days, 0);
  expect(warn).toHaveBeenCalledTimes(4);
});

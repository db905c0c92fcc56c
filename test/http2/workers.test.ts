import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { FIRST, writeCertificate } from '../support/certificates.ts';
import { hubProcess, redisHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { useTemporaryDirectory } from '../support/temporary-directory.ts';
import { waitFor } from '../support/wait.ts';

const folder = useTemporaryDirectory();

/** A connection, perhaps with a session of an earlier one. */
function open(port: number, session?: Buffer): TLSSocket {
  const options = { port, host: '127.0.0.1', rejectUnauthorized: false };
  const socket = connect({ ...options, ...(session && { session }) });
  onTestFinished(() => void socket.destroy());
  return socket;
}

test('a session that one worker has begun is taken up again by the others', async () => {
  const redis = await redisHere();
  const { cert, key } = await writeCertificate(folder.path, 'first', FIRST);
  const flags = ['--workers', '2', '--tls-cert', cert, '--tls-key', key, '--log-level', 'info'];
  const hub = await hubProcess(redis.url, uniqueGroup(), flags, { waitUntilReady: false });
  const port = Number(new URL(hub.url).port);
  const ready = () => hub.stdout.split('hub ready').length - 1;
  await waitFor(() => ready() === 2, { what: 'both workers to be ready', timeoutMs: 30_000 });
  const first = open(port);
  // The ticket of TLS 1.3 comes behind the handshake, to whoever reads.
  first.resume();
  const [session] = (await once(first, 'session')) as [Buffer];
  // Connections go to the workers in turn.
  for (let i = 0; i < 6; i++) {
    const again = open(port, session);
    await once(again, 'secureConnect');
    expect(again.isSessionReused()).toBe(true);
  }
});

import { connect, type TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';
import { watchRaw, type RawConnection } from './raw-http.ts';

/** A connection with TLS to a server on this machine, whoever it is. It ends with its test. */
export async function openSecure(port: number, protocol = 'http/1.1'): Promise<RawConnection> {
  const socket: TLSSocket = connect({
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ALPNProtocols: [protocol],
  });
  onTestFinished(() => void socket.destroy());
  return watchRaw(socket);
}

import { once } from 'node:events';
import { connect } from 'node:net';
import { onTestFinished } from 'vitest';
import { waitFor } from './wait.ts';

/**
 * Every command that the server runs from now on, one a line, also those within scripts. On a socket of its own: ioredis
 * breaks when a busy server sends the first line together with its reply.
 */
export async function monitorCommands(port: number): Promise<readonly string[]> {
  const lines: string[] = [];
  let rest = '';
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  let started = false;
  socket.setEncoding('latin1').on('data', (text: string) => {
    const parts = (rest + text).split('\r\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      if (started) lines.push(line);
      started = true;
    }
  });
  socket.write('MONITOR\r\n');
  await waitFor(() => started, { what: 'the server to report its commands' });
  return lines;
}

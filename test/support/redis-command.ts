import { once } from 'node:events';
import { connect } from 'node:net';

/** Sends one inline command to a server and returns its reply as text, for tests that need no client. */
export async function redisCommand(port: number, command: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.write(`${command}\r\n`);
  const [reply] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return reply.toString().trim();
}

import { once } from 'node:events';
import { connect } from 'node:net';

/** Sends one inline command to a server, at a port or at the path of a socket, and returns its reply as text. */
export async function redisCommand(at: number | string, command: string): Promise<string> {
  const socket = connect(typeof at === 'string' ? { path: at } : { host: '127.0.0.1', port: at });
  socket.write(`${command}\r\n`);
  const [reply] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return reply.toString().trim();
}

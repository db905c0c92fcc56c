import { createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { pickOne } from '../../support/random.ts';

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const MIB = 1024 * 1024;

/** Answers of one upstream that does everything wrong, or to the most; some are right. The connection ends behind each. */
const ANSWERS: readonly string[] = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright',
  // Trailers: control characters, framing, cookies.
  `${CHUNKED}1\r\nx\r\n0\r\nX-Error: \x1b[31mred\x01\x7f\r\n\r\n`,
  `${CHUNKED}1\r\nx\r\n0\r\nContent-Length: 7\r\nSet-Cookie: a=b\r\nTransfer-Encoding: chunked\r\n\r\n`,
  `${CHUNKED}1\r\nx\r\n0\r\nX-Long: ${'t'.repeat(100_000)}\r\n\r\n`,
  // Pieces of one byte, and chunks that are none.
  `${CHUNKED}${'1\r\nx\r\n'.repeat(20_000)}0\r\n\r\n`,
  `${CHUNKED}fffffffffffffffff\r\nx`,
  `${CHUNKED}-1\r\nx\r\n0\r\n\r\n`,
  `${CHUNKED}5;${'e'.repeat(70_000)}\r\nx`,
  // Lengths: too long, too short with another reply behind it, several, none that is a number, both framings.
  'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort',
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen',
  'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
  'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
  'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nnever',
  // Statuses that nobody has asked for.
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: anything\r\n\r\nand bytes',
  `${'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'.repeat(2_000)}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`,
  'HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n',
  // Heads.
  `HTTP/1.1 200 OK\r\nX-Long: ${'h'.repeat(100_000)}\r\nContent-Length: 0\r\n\r\n`,
  `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(5_000)}Content-Length: 0\r\n\r\n`,
  'HTTP/1.1 200 OK\r\nX-Bell: \x07\x00\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nNot a field\r\n\r\n',
  'HTTP/1.1 200 OK\r\nRouter-Error: agent-lost\r\nRouter-Executed: no\r\nConnection: router-error\r\nContent-Length: 0\r\n\r\n',
  'this is no HTTP at all\r\n\r\n',
  'HTTP/1.1 200 O',
  '',
  // Bodies without an end.
  `${CHUNKED}${(5 * MIB).toString(16)}\r\n${'e'.repeat(5 * MIB)}`,
];

/** Resolves with its URL. It ends with the test. */
export async function hostileUpstreamHere(random: () => number): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.once('data', () => answer(socket, random));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answer(socket: Socket, random: () => number): void {
  const bytes = Buffer.from(pickOne(ANSWERS, random), 'latin1');
  // Sometimes a request comes before all of it is there, or nothing ever does.
  const lateMs = random() < 0.1 ? random() * 3_000 : 0;
  setTimeout(() => {
    if (random() < 0.1) socket.resetAndDestroy();
    else if (random() < 0.5) socket.end(bytes);
    else {
      const middle = Math.floor(random() * bytes.length);
      socket.write(bytes.subarray(0, middle), () => socket.end(bytes.subarray(middle)));
    }
  }, lateMs);
}

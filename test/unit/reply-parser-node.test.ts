import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { expect, test } from 'vitest';
import { createRandom } from '../support/random.ts';
import { latin1, randomReply, recordReplies, waysToArrive } from '../support/replies.ts';

test("random replies are what node:http's client makes of them", async () => {
  const random = createRandom(13);
  const sent = Array.from({ length: 500 }, () => randomReply(random));
  const server = net.createServer((socket) => {
    socket.once('data', (request) => {
      const index = Number(/ \/(\d+) /.exec(String(request))?.[1]);
      socket.end(latin1(sent[index]?.text ?? ''));
    });
    socket.on('error', () => undefined);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as net.AddressInfo;
  for (const [index, { method, text }] of sent.entries()) {
    const request = http.request({ port, host: '127.0.0.1', method, path: `/${index}`, agent: false }).end();
    const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
    const body = Buffer.concat(await answer.toArray()).toString('latin1');
    const wanted = {
      status: answer.statusCode,
      reason: answer.statusMessage,
      // Ours passes a length on without zeros in front of it.
      fields: answer.rawHeaders.map((value, i, all) =>
        i % 2 === 1 && /^content-length$/i.test(all[i - 1] ?? '') ? String(Number(value)) : value,
      ),
      body,
      trailers: answer.rawTrailers,
    };
    for (const pieces of waysToArrive(text, random)) {
      const { parser, replies } = recordReplies([method]);
      for (const piece of pieces) parser.take(piece);
      parser.close();
      expect({ index, replies }).toEqual({ index, replies: [wanted] });
    }
  }
  server.close();
});

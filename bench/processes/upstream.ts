/**
 * The upstream of every target: one plain node:http server in its own process, as cheap as it can be, so
 * that the target in front of it is what the numbers show. Usage: upstream.js PORT
 *
 *   GET  /small               83 bytes of JSON with Content-Length
 *   GET  /sse?n=20&ms=50      n events, one every ms milliseconds, the first at once; each carries the time
 *                             it was written (process.hrtime: one clock for all processes of a machine)
 *   GET  /large?bytes=N       N bytes with Content-Length
 *   POST /sink                reads everything and answers how many bytes came
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

const small = Buffer.from(
  '{"id":"bench-000001","object":"answer","model":"none","text":"eighty-three bytes."}',
);
const block = Buffer.alloc(256 * 1024, 'x');

function answerSmall(res: ServerResponse): void {
  res.writeHead(200, ['Content-Type', 'application/json', 'Content-Length', String(small.length)]);
  res.end(small);
}

function streamEvents(res: ServerResponse, query: URLSearchParams): void {
  const count = Number(query.get('n') ?? 20);
  const everyMs = Number(query.get('ms') ?? 50);
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  let sent = 0;
  const send = () => {
    res.write(`data: {"i":${sent},"t":${process.hrtime.bigint()}}\n\n`);
    sent += 1;
    if (sent < count) return;
    clearInterval(timer);
    res.end();
  };
  const timer = setInterval(send, everyMs);
  res.on('close', () => clearInterval(timer));
  send();
}

function sendLarge(res: ServerResponse, query: URLSearchParams): void {
  let left = Number(query.get('bytes') ?? 1024 * 1024);
  res.writeHead(200, ['Content-Type', 'application/octet-stream', 'Content-Length', String(left)]);
  const pump = () => {
    while (left > 0) {
      const piece = left >= block.length ? block : block.subarray(0, left);
      left -= piece.length;
      if (!res.write(piece)) break;
    }
    if (left === 0) res.end();
    else res.once('drain', pump);
  };
  pump();
}

function countBody(req: IncomingMessage, res: ServerResponse): void {
  let bytes = 0;
  req.on('data', (piece: Buffer) => (bytes += piece.length));
  req.on('end', () => {
    const body = JSON.stringify({ bytes });
    res.writeHead(200, ['Content-Type', 'application/json', 'Content-Length', String(body.length)]);
    res.end(body);
  });
}

const server = createServer((req, res) => {
  const target = req.url ?? '/';
  if (target === '/small') return answerSmall(res);
  const url = new URL(target, 'http://upstream');
  if (url.pathname === '/sse') return streamEvents(res, url.searchParams);
  if (url.pathname === '/large') return sendLarge(res, url.searchParams);
  if (url.pathname === '/sink') return countBody(req, res);
  res.writeHead(404).end();
});
// No limits on time: an idle connection closed at the wrong moment would be an error of the benchmark, not of a target.
server.keepAliveTimeout = 0;
server.requestTimeout = 0;
server.listen(Number(process.argv[2]), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));

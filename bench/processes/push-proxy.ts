/**
 * Target `node-push`: the reverse proxy one would write on Node when the proxy can dial the upstream.
 * node:http in front, an undici pool behind, headers passed on as they came, backpressure both ways, no
 * queue and no retry. Usage: push-proxy.js PORT UPSTREAM_URL
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Pool, type Dispatcher } from 'undici';
import { forwardable } from './forwardable.ts';

const [port, upstream] = process.argv.slice(2);
if (port === undefined || upstream === undefined) throw new Error('usage: push-proxy.js PORT UPSTREAM_URL');

const pool = new Pool(upstream, { connections: 256, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });

function hasBody(req: IncomingMessage): boolean {
  return req.headers['content-length'] !== undefined || req.headers['transfer-encoding'] !== undefined;
}

/** Copies the upstream's answer to `res`. undici unwraps this newer form of handler at a cost under 1 µs. */
function answerTo(res: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart(controller) {
      res.on('close', () => {
        if (!res.writableFinished) controller.abort(new Error('client gone'));
      });
    },
    onResponseStart(controller, status) {
      if (status < 200) return;
      const raw = controller.rawHeaders;
      res.writeHead(status, forwardable(Array.isArray(raw) ? raw : []));
    },
    onResponseData(controller, piece) {
      if (res.write(piece)) return;
      controller.pause();
      res.once('drain', () => controller.resume());
    },
    onResponseEnd() {
      res.end();
    },
    onResponseError() {
      if (res.headersSent) res.destroy();
      else res.writeHead(502).end();
    },
  };
}

const server = createServer((req, res) => {
  pool.dispatch(
    {
      path: req.url ?? '/',
      method: req.method ?? 'GET',
      headers: forwardable(req.rawHeaders),
      body: hasBody(req) ? req : null,
    },
    answerTo(res),
  );
});
server.keepAliveTimeout = 0;
server.requestTimeout = 0;
server.listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));

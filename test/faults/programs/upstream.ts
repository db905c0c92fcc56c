/**
 * An upstream that does what the target of a request says and writes down every call. Its reply begins with the name of
 * the execution, so that no two executions answer the same bytes. Usage: upstream.js PORT HISTORY
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { clockMs, openHistory } from './history.ts';
import { jobOf, type Job } from './plan.ts';

const PIECES = 10;

const [port = '', file = ''] = process.argv.slice(2);
const note = openHistory(file);
let calls = 0;

const server = createServer((req, res) => {
  const execution = `${process.pid}.${++calls}`;
  const job = jobOf(req.url ?? '');
  const agent = String(req.headers['x-agent'] ?? '');
  note({ event: 'start', at: clockMs(), execution, id: job.id, agent });
  let ended = false;
  res.on('close', () => {
    if (!ended) note({ event: 'end', at: clockMs(), execution, how: 'aborted', digest: '' });
    ended = true;
  });
  const finish = (digest: string) => {
    note({ event: 'end', at: clockMs(), execution, how: 'finished', digest });
    ended = true;
  };
  // A connection that breaks is on file as such; there is nothing else to do about it.
  run({ execution, job, req, res, finish }).catch(() => res.destroy());
});

interface Call {
  readonly execution: string;
  readonly job: Job;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly finish: (digest: string) => void;
}

async function run({ execution, job, req, res, finish }: Call): Promise<void> {
  const received = createHash('sha1');
  for await (const chunk of req) received.update(chunk as Buffer);
  note({ event: 'received', at: clockMs(), execution, digest: received.digest('hex') });
  await delay(job.workMs);
  if (res.destroyed) return;

  const reply = replyOf(execution, job.replyBytes);
  const digest = createHash('sha1').update(reply).digest('hex');
  // With and without a length: a reply that is cut short must be noticed in both codings.
  if (calls % 2 === 0) res.setHeader('Content-Length', reply.length);
  if (job.replyMs > 0) await sendSlowly(res, reply, job.replyMs);
  if (res.destroyed) return;
  finish(digest);
  res.end(job.replyMs > 0 ? lastPiece(reply) : reply);
}

const pieceSize = (reply: Buffer) => Math.ceil(reply.length / PIECES);
const lastPiece = (reply: Buffer) => reply.subarray(pieceSize(reply) * (PIECES - 1));

async function sendSlowly(res: ServerResponse, reply: Buffer, overMs: number): Promise<void> {
  const size = pieceSize(reply);
  for (let piece = 0; piece < PIECES - 1 && !res.destroyed; piece++) {
    res.write(reply.subarray(piece * size, (piece + 1) * size));
    await delay(overMs / PIECES);
  }
}

function replyOf(execution: string, bytes: number): Buffer {
  const line = Buffer.from(`${execution}\n`);
  return Buffer.alloc(Math.max(line.length, bytes), line);
}

server.keepAliveTimeout = 60_000;
server.requestTimeout = 0;
server.listen(Number(port), '127.0.0.1', () => console.log('listening'));
process.on('SIGTERM', () => process.exit(0));

/**
 * An upstream that does what the target of a request says and writes down every call. Its reply begins with the name of
 * the execution, so that no two executions answer the same bytes. Usage: upstream.js PORT HISTORY
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { clockMs, openHistory } from './history.ts';
import { jobOf, type Job } from './plan.ts';

/** Number of pieces of a slow reply; otherwise pieces are of this size. */
const PIECES = 10;
const PIECE_BYTES = 256 * 1024;

const [port = '', file = ''] = process.argv.slice(2);
const note = openHistory(file);
let calls = 0;

const server = createServer((req, res) => {
  const execution = `${process.pid}.${++calls}`;
  const job = jobOf(req.url ?? '');
  const header = (name: string) => String(req.headers[name] ?? '');
  const [agent, request] = [header('x-agent'), header('router-request-id')];
  note({ event: 'start', at: clockMs(), execution, id: job.id, agent, request });
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

  const [first, ...rest] = piecesOf(`${execution}\n`, job);
  let last = first;
  const sent = createHash('sha1');
  const length = [first, ...rest].reduce((sum, piece) => sum + piece.length, 0);
  // With and without a length: a reply that is cut short must be noticed in both codings.
  if (calls % 2 === 0) res.setHeader('Content-Length', length);
  for (const next of rest) {
    sent.update(last);
    await send(res, last, job.replyMs / PIECES);
    if (res.destroyed) return;
    last = next;
  }
  finish(sent.update(last).digest('hex'));
  res.end(last);
}

/** Resolves when there is room for more, and not before `pauseMs`. */
async function send(res: ServerResponse, piece: Buffer, pauseMs: number): Promise<void> {
  const isFull = !res.write(piece);
  if (isFull) await drained(res);
  if (pauseMs > 0) await delay(pauseMs);
}

/** There is room again, or nobody who could make any. */
function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off('drain', done).off('close', done);
      resolve();
    };
    res.on('drain', done).on('close', done);
  });
}

/** The reply: its line again and again. All of a large one never is in memory: the pieces share theirs. */
function piecesOf(line: string, { replyBytes, replyMs }: Job): [Buffer, ...Buffer[]] {
  const total = Math.max(line.length, replyBytes);
  const size = replyMs > 0 ? Math.ceil(total / PIECES) : Math.min(total, PIECE_BYTES);
  const source = Buffer.alloc(size + line.length, line);
  const pieces: Buffer[] = [];
  for (let at = 0; at < total; at += size) {
    const from = at % line.length;
    pieces.push(source.subarray(from, from + Math.min(size, total - at)));
  }
  return pieces as [Buffer, ...Buffer[]];
}

server.keepAliveTimeout = 60_000;
server.requestTimeout = 0;
server.listen(Number(port), '127.0.0.1', () => console.log('listening'));
process.on('SIGTERM', () => process.exit(0));

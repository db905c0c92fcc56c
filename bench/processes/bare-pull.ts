/**
 * Target `bare-pull`: the cost of the way through Redis without any promise. A stream, a consumer group, a reply stream with a
 * doorbell that carries the reply, and one script call per tick: no slots, limits, leases, redelivery, cancelling, deadlines,
 * flow control, request bodies or errors. A request whose agent dies hangs for ever.
 * Usage: bare-pull.js hub PORT REDIS_URL, bare-pull.js agent REDIS_URL UPSTREAM_URL SLOTS
 */
import { createServer, type ServerResponse } from 'node:http';
import { Redis } from 'ioredis';
import { Pool } from 'undici';
import { socketOf } from '../../router-core/runtime/store-url.ts';
import { forwardable } from './forwardable.ts';

const LANE = 'bare:lane';
const DOORBELL = 'bare:hub';

const ADMIT = `
for i = 1, #ARGV, 2 do redis.call('XADD', KEYS[1], '*', 'm', ARGV[i], 'p', ARGV[i + 1]) end
if #KEYS > 1 then redis.call('UNLINK', unpack(KEYS, 2)) end`;

const REPLY = `
local done = {}
for i = 1, #ARGV, 3 do
  local key = KEYS[2 + (i - 1) / 3]
  redis.call('XADD', key, '1-0', 'f', ARGV[i + 2])
  redis.call('PEXPIRE', key, 30000)
  redis.call('PUBLISH', '${DOORBELL}', ARGV[i + 2])
  done[#done + 1] = ARGV[i + 1]
end
redis.call('XACK', KEYS[1], 'agents', unpack(done))
redis.call('XDEL', KEYS[1], unpack(done))`;

const connect = (url: string) => {
  const socket = socketOf(url);
  return socket ? new Redis({ protocol: 2, ...socket }) : new Redis(url, { protocol: 2 });
};

/** Calls `send` once per tick with the items added in it, at most 128 at once. */
function perTick<T>(send: (batch: T[]) => void): (item: T) => void {
  const batch: T[] = [];
  const flush = () => {
    while (batch.length > 0) send(batch.splice(0, 128));
  };
  return (item) => {
    if (batch.push(item) === 1) setImmediate(flush);
  };
}

async function serveHub(port: number, redisUrl: string): Promise<void> {
  const [commands, doorbells] = [connect(redisUrl), connect(redisUrl)];
  commands.defineCommand('admit', { lua: ADMIT });
  const admit = (commands as unknown as { admit(...args: (string | number)[]): Promise<void> }).admit.bind(
    commands,
  );
  const waiting = new Map<string, ServerResponse>();
  const answered: string[] = [];
  let last = 0;
  const enqueue = perTick<[id: string, payload: string]>((batch) => {
    const unlinks = answered.splice(0, 512);
    void admit(1 + unlinks.length, LANE, ...unlinks, ...batch.flat());
  });
  doorbells.on('messageBuffer', (_channel: Buffer, frame: Buffer) => {
    const end = frame.indexOf(10);
    const { id, status, headers } = JSON.parse(frame.toString('latin1', 0, end)) as {
      id: string;
      status: number;
      headers: string[];
    };
    const res = waiting.get(id);
    if (!res) return;
    waiting.delete(id);
    answered.push(`bare:down:${id}`);
    res.writeHead(status, headers);
    res.end(frame.toString('latin1', end + 1), 'latin1');
  });
  await doorbells.subscribe(DOORBELL);
  const server = createServer((req, res) => {
    const id = (last++).toString(36);
    waiting.set(id, res);
    enqueue([id, JSON.stringify([req.method, req.url, forwardable(req.rawHeaders)])]);
  });
  server.keepAliveTimeout = 0;
  server.listen(port, '127.0.0.1');
}

interface Reply {
  readonly id: string;
  readonly entry: string;
  readonly frame: Buffer;
}

async function runAgent(redisUrl: string, upstream: string, slots: number): Promise<void> {
  const [commands, blocking] = [connect(redisUrl), connect(redisUrl)];
  commands.defineCommand('reply', { lua: REPLY });
  const send = (
    commands as unknown as { reply(...args: (string | number | Buffer)[]): Promise<void> }
  ).reply.bind(commands);
  await blocking.xgroup('CREATE', LANE, 'agents', '0', 'MKSTREAM').catch(() => undefined);
  const pool = new Pool(upstream, { connections: slots, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
  const reply = perTick<Reply>((batch) => {
    const keys = batch.map(({ id }) => `bare:down:${id}`);
    void send(1 + keys.length, LANE, ...keys, ...batch.flatMap(({ id, entry, frame }) => [id, entry, frame]));
  });
  const call = (entry: string, id: string, payload: string) => {
    const [method, path, headers] = JSON.parse(payload) as [string, string, string[]];
    let head = '';
    const body: Buffer[] = [];
    pool.dispatch(
      { path, method, headers },
      {
        onRequestStart: () => undefined,
        onResponseStart(controller, status) {
          const raw = controller.rawHeaders;
          head = JSON.stringify({ id, status, headers: forwardable(Array.isArray(raw) ? raw : []) });
        },
        onResponseData: (_controller, piece) => void body.push(piece),
        onResponseEnd: () =>
          reply({ id, entry, frame: Buffer.concat([Buffer.from(`${head}\n`, 'latin1'), ...body]) }),
        onResponseError(_controller, error) {
          throw error;
        },
      },
    );
  };
  const read = ['GROUP', 'agents', 'a', 'COUNT', 256, 'BLOCK', 5_000, 'STREAMS', LANE, '>'] as const;
  for (;;) {
    const found = (await blocking.call('XREADGROUP', ...read)) as [string, [string, string[]][]][] | null;
    for (const [entry, [, id, , payload]] of found?.[0]?.[1] ?? []) call(entry, id ?? '', payload ?? '');
  }
}

const [role, ...args] = process.argv.slice(2);
process.on('SIGTERM', () => process.exit(0));
if (role === 'hub') await serveHub(Number(args[0]), args[1] ?? '');
else await runAgent(args[0] ?? '', args[1] ?? '', Number(args[2]));

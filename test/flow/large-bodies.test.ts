import { createHash } from 'node:crypto';
import { request, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentProcess, expectNothingLeft, hubProcess, upstreamHere } from '../support/parts.ts';
import { memoryOf, MIB, TELLS_MEMORY } from '../support/memory.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { uniqueGroup } from '../support/router.ts';

/** Size of the large body, in MiB. */
const LARGE_MIB = Number(process.env['LARGE_BODY_MIB'] ?? 1_024);
const WARM_UP_MIB = 64;
/** The most memory that a process may add after its warm-up, however large the body. */
const GROWTH_MIB = 64;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** A body that no two chunks of which are alike, cheap to make. */
function bodyOf(mib: number): { stream: Readable; hash: () => string } {
  const hash = createHash('sha256');
  function* chunks() {
    const pattern = Buffer.alloc(256 * 1024, 'mini-router ');
    for (let i = 0; i < mib * 4; i++) {
      const chunk = Buffer.from(pattern);
      chunk.writeUInt32BE(i);
      hash.update(chunk);
      yield chunk;
    }
  }
  return {
    stream: Readable.from(chunks(), { objectMode: false, highWaterMark: MIB }),
    hash: () => hash.digest('hex'),
  };
}

async function hashOf(source: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of source) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function startParts() {
  const group = uniqueGroup();
  let sent = '';
  const upstream = await upstreamHere((req, res) => {
    if (req.method === 'POST') return void hashOf(req).then((hash) => res.end(hash));
    const body = bodyOf(Number(req.url?.slice(1)));
    return void pipeline(body.stream, res).then(() => (sent = body.hash()));
  });
  const hub = await hubProcess(redis.url, group, ['--max-body', '0']);
  const agent = await agentProcess(redis.url, group, upstream.url, { name: 'carrier' });
  const pids = { hub: hub.pid, agent: agent.pid, redis: redis.pid ?? 0 };
  const get = (mib: number) => response(request(`${hub.url}/${mib}`, { agent: false }).end());
  return {
    group,
    pids,
    download: async (mib: number) => ({ received: await hashOf(await get(mib)), sent }),
    upload: async (mib: number) => {
      const body = bodyOf(mib);
      const req = request(`${hub.url}/upload`, { method: 'POST', agent: false });
      const [res] = await Promise.all([response(req), pipeline(body.stream, req)]);
      let received = '';
      for await (const chunk of res) received += String(chunk);
      return { received, sent: body.hash() };
    },
  };
}

function response(req: ReturnType<typeof request>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => req.on('response', resolve).on('error', reject));
}

test.each(['download', 'upload'] as const)(
  'a large %s arrives unchanged and in little memory',
  { timeout: 120_000 },
  async (way) => {
    const parts = await startParts();
    const { received, sent } = await parts[way](WARM_UP_MIB);
    expect(received).toBe(sent);
    const pids = Object.entries(parts.pids).filter(([, pid]) => pid > 0 && TELLS_MEMORY);
    const before = new Map(pids.map(([name, pid]) => [name, memoryOf(pid).highest]));

    const startedAt = performance.now();
    const large = await parts[way](LARGE_MIB);
    const seconds = (performance.now() - startedAt) / 1_000;

    expect(large.received).toBe(large.sent);
    const grown = pids.map(
      ([name, pid]) => [name, (memoryOf(pid).highest - (before.get(name) ?? 0)) / MIB] as const,
    );
    const shown = grown.map(([name, mib]) => `${name} +${mib.toFixed(0)} MiB`).join(', ');
    console.log(
      `${way} of ${LARGE_MIB} MiB: ${seconds.toFixed(1)} s, highest memory ${shown || 'unknown without /proc'}`,
    );
    expect(grown.filter(([, mib]) => mib > GROWTH_MIB)).toEqual([]);
    await expectNothingLeft(redis.url, parts.group);
  },
);

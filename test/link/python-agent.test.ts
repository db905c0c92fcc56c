import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { onTestFinished, expect, test } from 'vitest';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import { startFaultProxy } from '../faults/support/fault-proxy.ts';
import { ask, startAsking } from '../support/ask.ts';
import { upstreamHere } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';
import { linkHere } from './support/link-here.ts';

const PYTHON = process.env['PYTHON'] ?? 'python3';
const isThere =
  spawnSync(PYTHON, ['-c', 'import aiohttp, sys; sys.exit(sys.version_info < (3, 11))']).status === 0;
if (!isThere) console.log(`skipped: ${PYTHON} is not Python 3.11 with aiohttp (PYTHON names another one)`);

const MIB = 1024 * 1024;

/** examples/python-agent.py, at a hub through a proxy that can cut it off. */
async function pythonAgent(upstreamUrl: string) {
  const { hub, token } = await linkHere({ leaseMs: 3_000 });
  const proxy = await startFaultProxy(hub.port);
  onTestFinished(() => proxy.close());
  const env = {
    ...process.env,
    HUB: `http://127.0.0.1:${proxy.port}`,
    TOKEN: token,
    UPSTREAM: upstreamUrl,
    SLOTS: '2',
  };
  const agent = spawn(PYTHON, [join(packageFolder(), 'examples/python-agent.py')], { env });
  onTestFinished(() => void agent.kill('SIGKILL'));
  let said = '';
  agent.stderr.on('data', (chunk: Buffer) => (said += String(chunk)));
  return { url: hub.url, proxy, said: () => said };
}

test.skipIf(!isThere)(
  'the agent in Python answers, passes bodies in both directions, and stops when its client leaves',
  async () => {
    let aborted = 0;
    const upstream = await upstreamHere((request, response) => {
      response.on('close', () => {
        if (!response.writableEnded) aborted += 1;
      });
      const hash = createHash('sha256');
      if (request.url === '/stuck') response.write('a part');
      else if (request.url === '/sum')
        request
          .on('data', (chunk: Buffer) => hash.update(chunk))
          .on('end', () => response.end(hash.digest('hex')));
      else response.writeHead(201, { 'x-from': 'python' }).end('y'.repeat(5 * MIB));
    });
    const { url, said } = await pythonAgent(upstream.url);
    const reply = await ask(`${url}/large`);
    expect({ ...reply, said: said() }).toMatchObject({
      said: '',
      status: 201,
      headers: { 'x-from': 'python' },
    });
    expect(reply.body).toBe('y'.repeat(5 * MIB));
    const body = 'z'.repeat(3 * MIB);
    expect((await ask(`${url}/sum`, { method: 'POST', body })).body).toBe(
      createHash('sha256').update(body).digest('hex'),
    );
    const stuck = startAsking(`${url}/stuck`);
    await stuck.received('a part');
    stuck.disconnect();
    await waitFor(() => aborted === 1, { what: 'the upstream call to end' });
    expect(said()).toBe('');
  },
);

test.skipIf(!isThere)('the agent in Python goes on with a reply when its link is cut', async () => {
  const upstream = await upstreamHere((_request, response) => {
    let count = 0;
    const writing = setInterval(() => {
      response.write(`${String((count += 1)).padStart(7, '0')}\n`.repeat(16_384));
      if (count < 30) return;
      clearInterval(writing);
      response.end();
    }, 20);
  });
  const { url, proxy } = await pythonAgent(upstream.url);
  const asked = startAsking(url);
  await asked.received('0000003');
  proxy.reset();
  const { outcome, body } = await asked.outcome;
  const expected = Array.from({ length: 30 }, (_, i) =>
    `${String(i + 1).padStart(7, '0')}\n`.repeat(16_384),
  ).join('');
  expect({ outcome, isRight: body === expected, length: body.length }).toEqual({
    outcome: 'answered',
    isRight: true,
    length: expected.length,
  });
});

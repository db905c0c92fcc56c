import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { encodeMessage, MESSAGE } from '../../router-core/websocket/wire/link-message.ts';
import { agentRecords } from '../support/agent-records.ts';
import { ask } from '../support/ask.ts';
import { startLoad, tally } from '../support/load.ts';
import { memoryOf, MIB, TELLS_MEMORY } from '../support/memory.ts';
import { hubProcess, redisHere, upstreamHere } from '../support/parts.ts';
import { uniqueGroup } from '../support/router.ts';
import { waitFor } from '../support/wait.ts';
import { linkedAgentProcess } from '../link/support/linked-agent-process.ts';
import { linkedAgent, offerOf, type ScriptedAgent } from '../link/support/scripted-agent.ts';

/** `FAULTS_LONG=1` opens so many as the issue names. */
const SOCKETS = process.env['FAULTS_LONG'] === '1' ? 10_000 : 1_000;

/** A hub process with an honest agent, requests that go on, and how far its memory has grown. */
async function underAttack(flags: string[] = []) {
  const { url: redisUrl } = await redisHere();
  const group = uniqueGroup();
  const hub = await hubProcess(redisUrl, group, flags);
  const records = agentRecords(redisUrl);
  const [token, hostile] = [await records.set('gpu', { group }), await records.set('bad', { group })];
  const { url: upstream } = await upstreamHere((request, response) => {
    request.resume().on('end', () => response.end(`from ${request.url}`));
  });
  await linkedAgentProcess({ hubs: [hub.url], token, upstream, name: 'good' });
  await ask(hub.url);
  const load = startLoad(2, (n) => ask(`${hub.url}/${n}`));
  const before = memoryOf(hub.pid).now;
  const grown = () => (memoryOf(hub.pid).now - before) / MIB;
  const expectServed = async () => {
    const outcomes = await load.stop();
    expect(tally(outcomes)).toEqual({ 'answered 200': outcomes.length });
    expect(Math.max(...outcomes.map(({ elapsedMs }) => elapsedMs))).toBeLessThan(2_000);
  };
  return { hub, hostile, grown, expectServed };
}

const HALF = ['', 'GET /_router/link HTTP/1.1\r\nHost: x\r\nUpgr'];

function handshake(token: string): string {
  const fields = ['Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  fields.push('Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Protocol: mini-router.v1');
  return `GET /_router/link HTTP/1.1\r\n${fields.join('\r\n')}\r\nAuthorization: Bearer ${token}\r\n\r\n`;
}

test.skipIf(!TELLS_MEMORY)(
  'half-open sockets, and hellos that never come: memory is flat, and requests are answered',
  async () => {
    const { hub, hostile, grown, expectServed } = await underAttack();
    const sockets: Socket[] = [];
    let ended = 0;
    onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
    const texts = [...HALF, handshake(hostile)];
    for (let i = 0; i < SOCKETS; i++) {
      const socket = connect(Number(new URL(hub.url).port), '127.0.0.1');
      socket.on('error', () => undefined).on('data', () => undefined);
      if (i % 3 === 2) socket.on('close', () => (ended += 1));
      sockets.push(socket);
      await once(socket, 'connect');
      socket.write(texts[i % 3] ?? '');
    }
    expect(grown()).toBeLessThan(60 + SOCKETS / 20);
    await waitFor(() => ended === Math.floor(SOCKETS / 3), { what: 'those without a hello to be ended' });
    await expectServed();
  },
  60_000,
);

test.skipIf(!TELLS_MEMORY)(
  'an agent that does not read costs no memory, and nobody else is delayed',
  async () => {
    const { hub, hostile, grown, expectServed } = await underAttack(['--first-byte-timeout', '3s']);
    await expectServed();
    const deaf = await linkedAgent(hub.url, hostile, { slots: 256 });
    deaf.ws.pause();
    const talking = setInterval(() => deaf.send(MESSAGE.offer, 0, offerOf(2, 256)), 20);
    onTestFinished(() => clearInterval(talking));
    const body = 'x'.repeat(60_000);
    const asked = Array.from({ length: 300 }, (_, i) => ask(`${hub.url}/${i}`, { method: 'POST', body }));
    const outcomes = await Promise.all(asked);
    const kinds = new Set(outcomes.map(({ outcome, status }) => `${outcome} ${status}`));
    expect([...kinds].filter((kind) => !/^answered (?:200|502|504)$/.test(kind))).toEqual([]);
    const mine = outcomes.filter(({ status }) => status === 200);
    expect(mine.length).toBeGreaterThan(0);
    expect(Math.max(...mine.map(({ elapsedMs }) => elapsedMs))).toBeLessThan(3_000);
    expect(grown()).toBeLessThan(150);
  },
);

test.each([
  ['messages', (agent: ScriptedAgent) => agent.ws.send(OFFER)],
  ['messages about nothing', (agent: ScriptedAgent) => agent.ws.send(CREDIT)],
  ['pings', (agent: ScriptedAgent) => agent.ws.ping()],
])('a flood of %s ends the link that it comes on, and delays nobody', async (what, send) => {
  const { hub, hostile, expectServed } = await underAttack();
  const loud = await linkedAgent(hub.url, hostile, { slots: 0 });
  let isOver = false;
  const closed = loud.closed().then((why) => {
    isOver = true;
    return why;
  });
  for (let sent = 0; !isOver && sent < 600_000; sent += 1_000) {
    for (let i = 0; i < 1_000; i++) send(loud);
    await new Promise((resolve) => setImmediate(resolve));
    while (loud.ws.bufferedAmount > MIB && !isOver) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const why = await closed;
  // A hub whose own pongs are not read cannot say more.
  if (what !== 'pings') {
    expect(why).toMatch(/more messages than/);
    const refused = loud.messages.find(({ type }) => type === MESSAGE.refused);
    expect(refused?.json).toMatchObject({ code: 'limit' });
  }
  await expectServed();
});

const OFFER = encodeMessage(MESSAGE.offer, 0, offerOf(2, 0));
const CREDIT = encodeMessage(MESSAGE.credit, 7, { upTo: 5 });

import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { valuesOf } from '../support/raw-http.ts';
import { Tickets } from '../../router-core/websocket/hub/tickets.ts';
import { slimeHere, type SlimeHere } from './support/slime-here.ts';
import type { SlimeWorker } from './support/slime-worker.ts';

/** A request that a worker has, and its reply. */
async function out(here: SlimeHere): Promise<{ agent: SlimeWorker; id: string; reply: Promise<Response> }> {
  const agent = await here.worker();
  const accepted = agent.accept();
  const reply = fetch(here.hub.url, { method: 'POST', body: 'x' });
  return { agent, id: (await accepted).connectionId, reply };
}

test.each([
  { what: 'no reply', text: 'hello\r\n\r\n' },
  { what: 'two lengths', text: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx' },
  {
    what: 'a switch of protocols',
    text: 'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
  },
  { what: 'a head without end', text: `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}` },
  { what: 'a line within a field', text: 'HTTP/1.1 200 OK\r\nX: a\nB: c\r\n\r\n' },
])('$what is refused, and the client gets an error', async ({ text }) => {
  const here = await slimeHere();
  const { agent, id, reply } = await out(here);
  const submit = await agent.submit(id);
  submit.write(text);
  expect((await submit.reply()).status).toBe(400);
  const response = await reply;
  expect(response.status).toBe(502);
  expect(response.headers.get('router-error')).toBe('upstream-failed');
});

test('an empty submit is no reply', async () => {
  const here = await slimeHere();
  const { agent, id, reply } = await out(here);
  const submit = await agent.submit(id);
  submit.end();
  expect((await submit.reply()).status).toBe(400);
  expect((await reply).status).toBe(502);
});

test('what comes behind a whole reply reaches nobody', async () => {
  const here = await slimeHere();
  const { agent, id, reply } = await out(here);
  const submit = await agent.submit(id);
  submit.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\nmore');
  expect([200, 400]).toContain((await submit.reply()).status);
  expect(await (await reply).text()).toBe('ok');
});

test('a reply cannot name another agent or request', async () => {
  const here = await slimeHere();
  const { agent, id, reply } = await out(here);
  await agent.answer(id, 'x', ['Slime-Agent-Id: 99', 'Router-Agent: thief', 'Router-Request-Id: 1']);
  const { headers } = await reply;
  expect(headers.get('slime-agent-id')).toBe('42');
  expect(headers.get('router-agent')).toMatch(/^gpu-42\./);
});

test('only who was given a request may submit its reply, and only once', async () => {
  const here = await slimeHere();
  const { agent, id, reply } = await out(here);
  const thief = await here.worker({ token: await here.records.set('other', { group: here.group }) });
  const forged = new Tickets(randomBytes(32)).sign({
    ...{ group: here.group, record: 'gpu', relay: 'x', id: 'y', attempt: 1, place: 'z' },
  });
  for (const ticket of ['', '1', forged, `${id.slice(0, -3)}AAA`, 'x'.repeat(4_000)])
    expect((await agent.answer(ticket, 'stolen')).status).toBe(403);
  expect((await thief.answer(id, 'stolen')).status).toBe(403);
  const submit = await agent.submit(id);
  submit.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
  expect((await agent.answer(id, 'twice')).status).toBe(409);
  submit.write('right');
  submit.end();
  expect(await (await reply).text()).toBe('right');
  // Over: the worker is not to blame.
  expect((await agent.answer(id, 'again')).status).toBe(200);
});

test('an id that is no number is refused, and slowly', async () => {
  const here = await slimeHere();
  const startedAt = performance.now();
  const replies = ['', 'x', '-1', '1'.repeat(30), '1 2'].map(async (id) => {
    const agent = await here.worker({ id, joins: false });
    return (await agent.join()).status;
  });
  expect(await Promise.all(replies)).toEqual([400, 400, 400, 400, 400]);
  expect(performance.now() - startedAt).toBeGreaterThan(4_500);
}, 15_000);

test('hardware that cannot be read is left out, and so is too much of it', async () => {
  const here = await slimeHere();
  const agent = await here.worker({ joins: false });
  for (const text of ['{"CPUCores":8,"GPUNames":["2x NVIDIA A100"]}', '{', '{"CPUCores":"many"}', '[]'])
    expect((await agent.join(text)).status).toBe(200);
  const endless = await agent.open();
  endless.write(`${agent.head('join', ['Transfer-Encoding: chunked'])}ffffff\r\n${'x'.repeat(20_000)}`);
  expect((await endless.reply()).status).toBe(200);
  await endless.ended;
});

test('one id has so many calls open, and no more', async () => {
  const here = await slimeHere();
  const agent = await here.worker();
  const waiting = await Promise.all(Array.from({ length: 258 }, () => agent.ask()));
  const refused = waiting.map(async (each) => (await each.reply()).status);
  const first = await Promise.race(refused);
  expect(first).toBe(429);
  for (const each of waiting) each.close();
  await Promise.allSettled(refused);
}, 20_000);

test('a request of an application for the same paths is a request like any other', async () => {
  const here = await slimeHere();
  const agent = await here.worker();
  const accepted = agent.accept();
  const reply = fetch(`${here.hub.url}/v1/agent/join`, {
    method: 'POST',
    headers: { 'slime-agent-token': '', 'slime-block': '1' },
  });
  const { connectionId, head } = await accepted;
  expect(head).toMatch(/^POST \/v1\/agent\/join /);
  const { headers } = await agent.answer(connectionId, 'here');
  expect(valuesOf(headers, 'content-length')).toEqual(['0']);
  expect(await (await reply).text()).toBe('here');
});

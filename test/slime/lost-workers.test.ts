import { expect, test } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { slimeHere, type SlimeHere } from './support/slime-here.ts';

const post = ({ hub }: SlimeHere, path = '/') => fetch(hub.url + path, { method: 'POST', body: 'x' });

test('a worker that comes back without a reply has failed: what is safe to repeat runs again', async () => {
  const here = await slimeHere();
  const agent = await here.worker();
  const accepted = agent.accept();
  const reply = fetch(here.hub.url);
  const first = await accepted;
  const second = await agent.accept();
  expect(second.connectionId).not.toBe(first.connectionId);
  await agent.answer(second.connectionId, 'here');
  expect(await (await reply).text()).toBe('here');
});

test('what is not safe to repeat ends at once, and the worker gets the next request', async () => {
  const here = await slimeHere();
  const agent = await here.worker();
  const accepted = agent.accept();
  const reply = post(here);
  await accepted;
  const again = agent.accept();
  const response = await reply;
  expect(response.status).toBe(502);
  expect(response.headers.get('router-error')).toBe('upstream-failed');
  expect(response.headers.get('router-executed')).toBe('maybe');
  const next = fetch(here.hub.url);
  await agent.answer((await again).connectionId, 'next');
  expect(await (await next).text()).toBe('next');
});

test.each([
  { of: 'two workers under one id', joins: 2, fields: [] },
  { of: 'a worker that has joined elsewhere', joins: 0, fields: [] },
  { of: 'a worker behind a proxy', joins: 1, fields: ['X-Forwarded-For: 10.0.0.1'] },
])('nobody takes $of for one that came back', async ({ joins, fields }) => {
  const here = await slimeHere();
  const agent = await here.worker({ joins: false });
  for (let i = 0; i < joins; i++) await agent.join();
  const accepted = agent.accept();
  const reply = post(here);
  const { connectionId } = await accepted;
  const other = await agent.open();
  other.write(agent.head('accept', ['Content-Length: 0', ...fields]));
  const next = fetch(here.hub.url);
  await waitFor(() => other.received().includes('GET /'), { what: 'the second request' });
  expect((await agent.answer(connectionId, 'first')).status).toBe(200);
  expect(await (await reply).text()).toBe('first');
  void next.catch(() => undefined);
});

test('a worker that never submits is waited for until the time for the first byte is over', async () => {
  const here = await slimeHere({ firstByteTimeoutMs: 2_500, leaseMs: 600 });
  const agent = await here.worker();
  const accepted = agent.accept();
  const startedAt = performance.now();
  const reply = post(here);
  const { connectionId } = await accepted;
  const response = await reply;
  expect(response.headers.get('router-error')).toBe('deadline');
  expect(performance.now() - startedAt).toBeGreaterThan(2_400);
  // Nobody awaits its reply any more, and that is not the worker's fault.
  expect((await agent.answer(connectionId, 'late')).status).toBe(200);
  const next = agent.accept();
  const after = fetch(here.hub.url);
  await agent.answer((await next).connectionId, 'here');
  expect(await (await after).text()).toBe('here');
}, 15_000);

test('a request that was handed to a slot whose worker did not come back goes to another agent', async () => {
  const here = await slimeHere();
  const gone = await here.worker();
  const accepted = gone.accept();
  const first = fetch(here.hub.url);
  await gone.answer((await accepted).connectionId, 'first');
  expect(await (await first).text()).toBe('first');
  // The slot counts for a moment longer, because workers come back at once.
  const second = post(here, '/second');
  const other = await here.worker({ id: '43' });
  const { connectionId, head } = await other.accept();
  expect(head).toMatch(/^POST \/second /);
  await other.answer(connectionId, 'second');
  expect(await (await second).text()).toBe('second');
});

test('an accept that breaks is no slot any more', async () => {
  const here = await slimeHere({ queueWaitMs: 1_500 });
  const agent = await here.worker();
  const waiting = await agent.ask();
  const reply = fetch(here.hub.url);
  await waitFor(() => waiting.received().includes('GET /'), { what: 'the request' });
  // This one came whole, so nobody knows that its worker is gone; the next one has no slot.
  waiting.close();
  const other = await here.worker({ id: '43' });
  const second = await other.ask();
  second.close();
  const refused = await fetch(here.hub.url, { headers: { 'slime-scope': '' } });
  expect(refused.status).toBe(503);
  void reply.catch(() => undefined);
});

test('a lease shorter than a call does not end the call', async () => {
  const here = await slimeHere({ leaseMs: 300 });
  const agent = await here.worker();
  const accepted = agent.accept();
  const reply = post(here);
  const { connectionId } = await accepted;
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await agent.answer(connectionId, 'slow');
  expect(await (await reply).text()).toBe('slow');
});

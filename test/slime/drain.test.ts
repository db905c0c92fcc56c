import { expect, test } from 'vitest';
import { slimeHere } from './support/slime-here.ts';

test('a hub that drains sends those who wait elsewhere, and takes the reply of what runs', async () => {
  const { hub, worker } = await slimeHere({ drainMs: 5_000 });
  const agent = await worker();
  const accepted = agent.accept();
  const reply = fetch(hub.url, { method: 'POST', body: 'x' });
  const { connectionId } = await accepted;
  const waiting = await (await worker({ id: '43' })).ask();
  const startedAt = performance.now();
  const closed = hub.close();
  const away = await waiting.reply();
  expect(away.status).toBe(204);
  expect(await waiting.ended).toBe('end');
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  // On a connection of its own, as a worker does: the hub still listens.
  expect((await agent.answer(connectionId, 'in time')).status).toBe(200);
  expect(await (await reply).text()).toBe('in time');
  await closed;
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});

test('while a hub drains, an accept is refused slowly, and its connection ends', async () => {
  const { hub, worker } = await slimeHere({ drainMs: 5_000 });
  const agent = await worker();
  const accepted = agent.accept();
  const reply = fetch(hub.url, { method: 'POST', body: 'x' });
  const { connectionId } = await accepted;
  const other = await worker({ id: '43' });
  const closed = hub.close();
  expect((await (await other.ask()).reply()).status).toBe(204);
  expect((await (await other.ask()).reply()).status).toBe(503);
  await agent.answer(connectionId, 'in time');
  expect(await (await reply).text()).toBe('in time');
  await closed;
});

test('a worker that never submits holds a hub up for the time of a drain, and no longer', async () => {
  const { hub, worker } = await slimeHere({ drainMs: 1_000 });
  const accepted = (await worker()).accept();
  const reply = fetch(hub.url, { method: 'POST', body: 'x' });
  await accepted;
  const startedAt = performance.now();
  await hub.close();
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  expect((await reply).status).toBe(503);
});

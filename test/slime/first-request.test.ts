import { expect, test } from 'vitest';
import { slimeHere } from './support/slime-here.ts';

test('a request is the answer to an accept, and its reply what is submitted', async () => {
  const { hub, worker } = await slimeHere();
  const agent = await worker({ id: '7' });
  const accepted = agent.accept();
  const reply = fetch(`${hub.url}/v1/models?x=1`, {
    method: 'POST',
    body: 'question',
    headers: { 'x-a': 'b' },
  });
  const { connectionId, head, body } = await accepted;
  expect(head).toMatch(/^POST \/v1\/models\?x=1 HTTP\/1\.1\r\n/);
  expect(head).toMatch(/^x-a: b\r$/m);
  expect(head).toMatch(/^Content-Length: 8\r$/m);
  expect(body).toBe('question');
  const submitted = await agent.answer(connectionId, 'answer', ['X-From: gpu']);
  expect(submitted.status).toBe(200);
  const response = await reply;
  expect(response.status).toBe(200);
  expect(response.headers.get('x-from')).toBe('gpu');
  expect(response.headers.get('slime-agent-id')).toBe('7');
  expect(response.headers.get('router-agent')).toMatch(/^gpu-7\./);
  expect(await response.text()).toBe('answer');
});

test('a worker gets one request after the other, and what waits in line meanwhile', async () => {
  const { hub, worker } = await slimeHere();
  const agent = await worker();
  const replies = Array.from({ length: 20 }, async (_, i) => (await fetch(`${hub.url}/${i}`)).text());
  for (let i = 0; i < 20; i++) {
    const { connectionId, head } = await agent.accept();
    await agent.answer(connectionId, head.split(' ')[1] ?? '');
  }
  expect(await Promise.all(replies)).toEqual(Array.from({ length: 20 }, (_, i) => `/${i}`));
});

test('two workers under one id are two slots', async () => {
  const { hub, worker } = await slimeHere();
  const [one, two] = [await worker(), await worker()];
  const [first, second] = [one.accept(), two.accept()];
  const replies = ['/a', '/b'].map(async (path) => (await fetch(hub.url + path, { method: 'POST' })).text());
  const accepted = await Promise.all([first, second]);
  for (const { connectionId, head } of accepted) await one.answer(connectionId, head.split(' ')[1] ?? '');
  expect(await Promise.all(replies)).toEqual(['/a', '/b']);
});

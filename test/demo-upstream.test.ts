import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDemoUpstream } from '../router-cli/demo-upstream.ts';
import { readEvents } from './support/server-sent-events.ts';

let server: Server;
let url: string;
beforeAll(async () => {
  server = await startDemoUpstream({ port: 0 });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function chat(body: string): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, { method: 'POST', body });
}

describe('chat completions', () => {
  test('stream token by token and end with [DONE]', async () => {
    const response = await chat('{"stream": true, "messages": [{"role": "user", "content": "Hi there"}]}');
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const events = await readEvents(response);
    expect(events.length).toBeGreaterThan(10);
    expect(events.at(-1)?.data).toBe('[DONE]');
    // One after the other, not all at once.
    expect((events.at(-1)?.atMs ?? 0) - (events[0]?.atMs ?? 0)).toBeGreaterThan(500);

    const deltas = events.slice(0, -1).map(({ data }) => JSON.parse(data) as Chunk);
    const text = deltas.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
    expect(text).toMatch(/^You said: Hi there/);
    expect(deltas.at(-1)?.choices[0]?.finish_reason).toBe('stop');
  });

  test('come in one piece without stream', async () => {
    const response = await chat('{"messages": [{"role": "user", "content": "Hi"}]}');
    expect(await response.json()).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { role: 'assistant' }, finish_reason: 'stop' }],
    });
  });

  test.each(['', 'no json', '[]', '{"messages": 1}'])('refuse %j with 400', async (body) => {
    expect((await chat(body)).status).toBe(400);
  });
});

interface Chunk {
  choices: Array<{ delta: { content?: string }; finish_reason: string | null }>;
}

describe('the rest', () => {
  test('models and index are JSON', async () => {
    expect(await (await fetch(`${url}/v1/models`)).json()).toMatchObject({ data: [{ id: 'demo' }] });
    expect(await (await fetch(url)).json()).toHaveProperty('try');
    expect((await fetch(`${url}/nothing`)).status).toBe(404);
  });

  test('echo repeats method, path, headers and body', async () => {
    const response = await fetch(`${url}/echo?a=b`, {
      method: 'PUT',
      headers: { 'X-Test': 'yes' },
      body: 'hello',
    });
    expect(await response.json()).toMatchObject({
      method: 'PUT',
      path: '/echo?a=b',
      headers: { 'x-test': 'yes' },
      body: 'hello',
    });
  });

  test('echo refuses a body that it would have to hold', async () => {
    const response = await fetch(`${url}/echo`, { method: 'POST', body: Buffer.alloc(2 * 1024 * 1024) });
    expect(response.status).toBe(413);
  });

  test.each([
    ['0', 0],
    ['1', 1],
    ['64KiB', 65_536],
    ['10MiB', 10 * 1024 * 1024],
    ['100001', 100_001],
  ])('large/%s has exactly that size', async (size, bytes) => {
    const response = await fetch(`${url}/large/${size}`);
    expect(response.headers.get('content-length')).toBe(String(bytes));
    expect((await response.arrayBuffer()).byteLength).toBe(bytes);
  });

  test('large does not write ahead of its reader', async () => {
    const before = process.memoryUsage.rss();
    const response = await fetch(`${url}/large/100GiB`);
    const reader = response.body?.getReader();
    await reader?.read();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
    await reader?.cancel();
  });

  test('large refuses what is not a size, and answers HEAD without a body', async () => {
    expect((await fetch(`${url}/large/much`)).status).toBe(400);
    const head = await fetch(`${url}/large/1GiB`, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(1024 ** 3));
  });
});

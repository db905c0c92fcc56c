import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { MIB } from '../support/memory.ts';
import { openRaw } from '../support/raw-http.ts';
import { waitFor } from '../support/wait.ts';
import { slimeHere } from './support/slime-here.ts';

const HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n';

/** As the upstream's chunks stand in the message: chunks within chunks. */
const inner = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

/** In MiB: much more than the windows and what kernels keep. */
const PIECES = 32;

/** More than travels with the request itself. */
const LONG = 'x'.repeat(70_000);

/** Resolves when a count has not moved for half a second. */
async function waitUntilSteady(count: () => number): Promise<void> {
  for (let before = -1, now = count(); before !== now; before = now, now = count()) await delay(500);
}

test('a streamed reply flows as it comes', async () => {
  const { hub, worker } = await slimeHere();
  const agent = await worker();
  const accepted = agent.accept();
  const reply = fetch(`${hub.url}/events`);
  const submit = await agent.submit((await accepted).connectionId);
  submit.write(HEAD);
  const response = await reply;
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (const text of ['data: 1\n\n', 'data: 2\n\n']) {
    submit.write(inner(text));
    expect((await reader?.read())?.value).toBe(text);
  }
  submit.write('0\r\n\r\n');
  submit.end();
  expect((await reader?.read())?.done).toBe(true);
  expect((await submit.reply()).status).toBe(200);
});

test('a reply without a length ends with its submit', async () => {
  const { hub, worker } = await slimeHere();
  const agent = await worker();
  const accepted = agent.accept();
  const reply = fetch(hub.url);
  const submit = await agent.submit((await accepted).connectionId);
  submit.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall ');
  submit.write('of it');
  submit.end();
  expect(await (await reply).text()).toBe('all of it');
  expect((await submit.reply()).status).toBe(200);
});

test('a large reply passes whole, and no faster than its client takes it', async () => {
  const { hub, worker } = await slimeHere();
  const agent = await worker();
  const accepted = agent.accept();
  const replied = once(get(hub.url), 'response');
  const submit = await agent.submit((await accepted).connectionId);
  const piece = Buffer.from(Array.from({ length: MIB }, (_, i) => i % 251));
  submit.write(`HTTP/1.1 200 OK\r\nContent-Length: ${PIECES * MIB}\r\n\r\n`);
  for (let i = 0; i < PIECES; i++) submit.write(piece);
  submit.end();
  const [response] = (await replied) as [IncomingMessage];
  // Node keeps these bytes because the kernel does not take them: the hub has stopped reading.
  await waitUntilSteady(() => submit.connection.socket.writableLength);
  expect(submit.connection.socket.writableLength).toBeGreaterThan((PIECES * MIB) / 4);
  const digest = createHash('sha256');
  for await (const chunk of response as AsyncIterable<Buffer>) digest.update(chunk);
  const expected = createHash('sha256').update(Buffer.concat(Array.from({ length: PIECES }, () => piece)));
  expect(digest.digest('hex')).toBe(expected.digest('hex'));
  expect((await submit.reply()).status).toBe(200);
});

test('an upload flows to the agent as it comes', async () => {
  const { hub, worker } = await slimeHere();
  const agent = await worker();
  const waiting = await agent.ask();
  const client = await openRaw(hub.port);
  client.write('POST /up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  client.write(inner(`${LONG}one`));
  await waitFor(() => waiting.received().includes('one'), { what: 'the first piece' });
  client.write(inner('two'));
  await waitFor(() => waiting.received().includes('two'), { what: 'the second piece' });
  client.write('0\r\n\r\n');
  const { headers, body } = await waiting.reply();
  expect(body.toString()).toMatch(/\r\nTransfer-Encoding: chunked\r\n/);
  expect(body.toString()).toMatch(/xone\r\n3\r\ntwo\r\n0\r\n\r\n$/);
  const id = headers[headers.findIndex((name) => name.toLowerCase() === 'slime-connection-id') + 1] ?? '';
  await agent.answer(id, 'thanks');
  expect((await client.reply()).body.toString()).toBe('thanks');
});

test('a client that leaves closes the submit, and the worker goes on', async () => {
  const { hub, worker } = await slimeHere();
  const agent = await worker();
  const accepted = agent.accept();
  const client = await openRaw(hub.port);
  client.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
  const submit = await agent.submit((await accepted).connectionId);
  submit.write(HEAD + inner('data: 1\n\n'));
  await waitFor(() => client.received().includes('data: 1'), { what: 'the beginning of the reply' });
  client.close();
  expect((await submit.reply()).status).toBe(200);
  expect(await submit.connection.ended).toBeTruthy();
  const again = agent.accept();
  const reply = fetch(hub.url);
  await agent.answer((await again).connectionId, 'here');
  expect(await (await reply).text()).toBe('here');
});

test('a client that leaves while it uploads cuts the request at the agent', async () => {
  const { hub, worker } = await slimeHere();
  const waiting = await (await worker()).ask();
  const client = await openRaw(hub.port);
  client.write(`POST /up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${inner(`${LONG}one`)}`);
  await waitFor(() => waiting.received().includes('one'), { what: 'the first piece' });
  client.close();
  await waiting.ended;
  expect(waiting.received()).not.toContain('0\r\n\r\n');
});

test('a reply that breaks off never looks complete', async () => {
  const { hub, worker } = await slimeHere();
  const agent = await worker();
  const accepted = agent.accept();
  const reply = fetch(hub.url);
  const submit = await agent.submit((await accepted).connectionId);
  submit.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly');
  const response = await reply;
  submit.connection.close();
  await expect(response.text()).rejects.toThrow('terminated');
});

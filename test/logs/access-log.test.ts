import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { ask, startAsking } from '../support/ask.ts';
import { countCalls } from '../support/call-counter.ts';
import { configure, configuredHub, newToken, recordLog } from '../support/config.ts';
import { agentHere, redisHere, upstreamHere } from '../support/parts.ts';
import { waitFor } from '../support/wait.ts';

test('every request has its line, however it ends, with the id that its client was told', async () => {
  const { url } = await redisHere();
  const { token, stored } = newToken('app');
  await configure(url, {
    groups: [{ name: 'g', maxBodyBytes: 10, queue: { waitMs: 0 } }, { name: 'empty' }],
    routes: [
      { name: 'open', match: { path: '/open/*' }, groups: [{ group: 'g' }] },
      { name: 'app', match: { path: '/app/*' }, groups: [{ group: 'g' }], auth: 'app' },
      { name: 'nobody', match: { path: '/nobody' }, groups: [{ group: 'empty' }] },
    ],
    apps: [{ name: 'shop', tokens: [stored] }],
  });
  const counter = countCalls((req, res) => {
    req.resume();
    if (req.url === '/open/stuck') return;
    res.write('some');
    if (req.url === '/open/broken') setTimeout(() => res.destroy(), 50);
    else res.end('thing');
  });
  const upstream = await upstreamHere(counter.listener);
  await agentHere(url, 'g', upstream.url);
  const { log, lines } = recordLog();
  const hub = await configuredHub(url, { accessLog: true, queueWaitMs: 0 }, log);
  const entries = () => lines.filter(({ msg }) => msg === 'request');

  const answered = [
    await ask(`${hub.url}/open/fine?q=1`),
    await ask(`${hub.url}/app/fine`, { headers: { 'router-token': token } }),
    await ask(`${hub.url}/app/fine`),
    await ask(`${hub.url}/nowhere`),
    await ask(`${hub.url}/open/large`, { method: 'POST', body: 'more than ten bytes' }),
    await ask(`${hub.url}/nobody`, { headers: { prefer: 'wait=0' } }),
    await ask(`${hub.url}/open/broken`),
    await ask(`${hub.url}/`, { headers: { host: 'no host' } }),
  ];
  const left = startAsking(`${hub.url}/open/stuck`);
  await waitFor(() => counter.calls.includes('/open/stuck'), { what: 'the call' });
  left.disconnect();
  const garbage = await unreadable(hub.port);
  await waitFor(() => entries().length === 10, { what: 'a line for each' });

  const seen = entries().map(({ status, code, group, route, app, bytes, client }) => {
    expect(client).toBe('127.0.0.1');
    return { status, code, group, route, app, bytes };
  });
  const open = { group: 'g', route: 'open', app: undefined };
  const none = { group: undefined, route: undefined, app: undefined };
  const some: unknown = expect.any(Number);
  expect(seen).toEqual([
    { ...open, status: 200, code: undefined, bytes: 9 },
    { ...open, status: 200, code: undefined, bytes: 9, route: 'app', app: 'shop' },
    { ...none, status: 401, code: 'unauthorized', bytes: some },
    { ...none, status: 404, code: 'no-route', bytes: some },
    { ...open, status: 413, code: 'body-too-large', bytes: some },
    { ...open, status: 503, code: 'no-agent', bytes: some, group: 'empty', route: 'nobody' },
    { ...open, status: 200, code: 'upstream-failed', bytes: 4 },
    { ...none, status: 400, code: 'bad-request', bytes: some },
    { ...open, status: 499, code: undefined, bytes: 0 },
    { ...none, status: 400, code: 'bad-request', bytes: some },
  ]);
  const told = answered.map(({ headers }) => headers['router-request-id']);
  expect(entries().map(({ id }) => id)).toEqual([...told, entries()[8]?.['id'], garbage]);
});

/** Sends what no parser reads; resolves with the id in the answer. */
async function unreadable(port: number): Promise<string | undefined> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let text = '';
  socket.setEncoding('latin1').on('data', (more: string) => (text += more));
  socket.write('\x01 no HTTP\r\n\r\n');
  await waitFor(() => text.includes('\r\n\r\n'), { what: 'the answer' });
  return /^router-request-id: (\S+)/im.exec(text)?.[1];
}

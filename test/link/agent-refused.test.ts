import { expect, test } from 'vitest';
import { encodeMessage, MESSAGE } from '../../router-core/websocket/wire/link-message.ts';
import { waitFor } from '../support/wait.ts';
import { agentOf, requestOf, scriptedHub, type HubSide } from './support/scripted-hub.ts';

function refusal(status: string, fields: string, problem: object): string {
  const body = JSON.stringify(problem);
  return `HTTP/1.1 ${status}\r\n${fields}content-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
}

/** A hub that refuses once, in front of one that does not. */
async function refusedBy(text: string) {
  let refusals = 0;
  const hub = await scriptedHub({ refusal: () => (refusals++ === 0 ? text : undefined) });
  return { agent: await agentOf([hub]), refusals: () => refusals };
}

test.each([
  [
    'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n',
    /it is no hub, or takes links on another port or none/,
  ],
  [refusal('426 Upgrade Required', '', { code: 'link-refused' }), /no WebSocket reaches/],
  [refusal('502 Bad Gateway', '', {}), /answered 502/],
  ['nonsense\r\n\r\n', /Parse Error/],
])('an address that answers %j is said to, and tried again', async (text, reason) => {
  const { agent } = await refusedBy(text);
  expect(agent.logged().filter((line) => reason.test(line))).toHaveLength(1);
});

test('a hub that refuses for a time is not asked before', async () => {
  const at = performance.now();
  await refusedBy(refusal('503 Service Unavailable', 'retry-after: 1\r\n', { code: 'link-refused' }));
  expect(performance.now() - at).toBeGreaterThan(950);
});

test('a token that has ended ends the agent, whether the hub says so before the link or within it', async () => {
  const other = await scriptedHub();
  const agent = await agentOf([other]);
  (await other.nextLink()).send(MESSAGE.refused, 0, { code: 'token-ended', reason: 'revoked' });
  await waitFor(() => agent.revoked() === 1, { what: 'the word' });

  let isEnded = false;
  const text = refusal('401 Unauthorized', '', { code: 'token-ended' });
  const hub = await scriptedHub({ refusal: () => (isEnded ? text : undefined) });
  const second = await agentOf([hub]);
  isEnded = true;
  (await hub.nextLink()).ws.terminate();
  await waitFor(() => second.revoked() > 0, { what: 'the word' });
});

const hostile: [string, (link: HubSide) => void][] = [
  ['bytes that are no message', (link) => link.ws.send(Buffer.from([1, 2, 3]))],
  ['a text', (link) => link.ws.send('{}')],
  [
    'JSON that is none',
    (link) => link.ws.send(Buffer.concat([encodeMessage(4, 0), Buffer.from('{')]).fill(1, 8, 9)),
  ],
  ['an unknown type', (link) => link.send(200, 0)],
  ['a message that only agents send', (link) => link.send(MESSAGE.offer, 0, {})],
  ['a second welcome', (link) => link.send(MESSAGE.welcome, 0, {})],
  ['a grant of many', (link) => link.send(MESSAGE.grant, 0, { n: 1, slots: -1, state: 'active' })],
  [
    'a request without a ticket',
    (link) => link.send(MESSAGE.request, 1, { ...requestOf('t'), ticket: undefined }),
  ],
  ['a request of a wrong attempt', (link) => link.send(MESSAGE.request, 1, requestOf('t', { attempt: 1e9 }))],
  [
    'one ticket twice',
    (link) => [1, 2].forEach((channel) => link.send(MESSAGE.request, channel, requestOf('t'))),
  ],
  [
    'one channel twice',
    (link) => ['a', 'b'].forEach((ticket) => link.send(MESSAGE.request, 1, requestOf(ticket))),
  ],
  [
    'more requests than were granted',
    (link) => [1, 2, 3, 4, 5, 6].forEach((each) => link.send(MESSAGE.request, each, requestOf(`t${each}`))),
  ],
  [
    'a body that nobody has asked for',
    (link) => {
      link.send(MESSAGE.request, 1, requestOf('t', { follows: true }));
      link.send(MESSAGE.data, 1, {}, 'x');
    },
  ],
  ['a message that is too large', (link) => link.ws.send(Buffer.alloc(300_000, 1))],
];

test.each(hostile)('%s: the agent ends the link and dials anew', async (_what, misbehave) => {
  const hub = await scriptedHub();
  const agent = await agentOf([hub]);
  const first = await hub.nextLink();
  await first.next(MESSAGE.hello);
  misbehave(first);
  await first.closed();
  const second = await hub.nextLink();
  await second.next(MESSAGE.hello);
  second.send(MESSAGE.request, 1, requestOf('good'));
  const handed = [await agent.next()];
  while (handed.at(-1)?.id !== 'id-good') handed.push(await agent.next());
  expect(handed.length).toBeLessThanOrEqual(5);
});

test('a request whose head cannot be sent to an upstream is answered, and costs nothing else', async () => {
  const hub = await scriptedHub();
  await agentOf([hub]);
  const side = await hub.nextLink();
  await side.next(MESSAGE.hello);
  side.send(MESSAGE.request, 1, requestOf('t', { head: 'GET\nno target\n\n' }));
  const { channel, json } = await side.next(MESSAGE.data);
  expect({ channel, failed: json['failed'] }).toEqual({
    channel: 1,
    failed: 'upstream-failed\nthe request cannot be read',
  });
});

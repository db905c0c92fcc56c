import { expect, test, vi } from 'vitest';
import type { Exchange } from '../../router-core/hub/exchange.ts';
import { ReplyProgress } from '../../router-core/hub/reply-progress.ts';
import { sendHead } from '../../router-core/hub/send-response.ts';
import type { Frame } from '../../router-core/exchange/frames.ts';

/** The client's head for an agent's head; `isWhole`: the frame holds all of the reply. */
function headOf(head: string, { owner = 'agent-1', isWhole = true } = {}) {
  const sent = vi.fn<(status: number, reason: string, fields: string) => void>();
  const fail = vi.fn<(code: string) => void>();
  const exchange = {
    id: 'id-1',
    attempts: { owner },
    routed: {},
    receivedAt: performance.now() - 100,
    policy: { idleMs: 1_000 },
    fail,
    request: { method: 'GET' },
    reply: { start: sent, startAndEnd: sent },
    replyBody: new ReplyProgress(),
    counts: { group: { invalidReplies: 0 } },
    context: { log: { warn: () => undefined } },
    deadlines: { setForBody: () => undefined },
    replying: () => undefined,
    answered: () => undefined,
    cancel: () => Promise.resolve(),
  } as unknown as Exchange;
  sendHead(exchange, { head, end: isWhole ? '' : undefined, body: Buffer.from('ok') } as Frame);
  return { sent: sent.mock.lastCall, failed: fail.mock.lastCall?.[0] };
}

test('an agent’s head goes to the client with the fields of the hub behind', () => {
  const { sent, failed } = headOf('299\nTr\xe8s bien\n12.5\nX-A: 1\r\nx-a: \xff\r\n');
  expect(failed).toBeUndefined();
  expect(sent?.slice(0, 2)).toEqual([299, 'Tr\xe8s bien']);
  const [theirs, queueMs] = (sent?.[2] ?? '').split(/dur=(\d+\.\d), /);
  expect(Number(queueMs)).toBeGreaterThanOrEqual(0);
  expect(theirs).toBe(
    'X-A: 1\r\nx-a: \xff\r\nVia: 1.1 mini-router\r\nRouter-Request-Id: id-1\r\nRouter-Agent: agent-1\r\nX-Request-Id: id-1\r\nServer-Timing: queue;',
  );
  expect(sent?.[2]).toMatch(/, upstream;dur=12\.5\r\nContent-Length: 2\r\n$/);
});

test('a length that the upstream has said is not said again', () => {
  expect(headOf('200\nOK\n1\ncontent-length: 2\r\n').sent?.[2]).not.toContain('Content-Length');
});

test('an upstream’s own X-Request-Id stays, and is the only one', () => {
  const fields = headOf('200\nOK\n1\nx-request-id: theirs\r\n').sent?.[2] ?? '';
  expect(fields.match(/^x-request-id: .*/gim)).toEqual(['x-request-id: theirs']);
  expect(fields).toContain('Router-Request-Id: id-1\r\n');
});

test.each<[what: string, head: string, options?: { owner: string }]>([
  ['the status is no number', 'x\nOK\n1\n'],
  ['the status is none', '2000\nOK\n1\n'],
  ['the status is between two', '200.5\nOK\n1\n'],
  ['the status is less than one', '-1\nOK\n1\n'],
  ['the reason ends its line', '200\nOK\rX: y\n1\n'],
  ['its fields end within a line', '200\nOK\n1\nContent-Length: 2'],
  ['its fields end the head', '200\nOK\n1\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n'],
  ['a field holds a NUL', '200\nOK\n1\nA: \0\r\n'],
  ['its name ends its line', '200\nOK\n1\n', { owner: 'a\n' }],
])('an agent whose head cannot be sent has failed: %s', (_what, head, options) => {
  for (const isWhole of [true, false]) {
    expect(headOf(head, { ...options, isWhole })).toEqual({ sent: undefined, failed: 'upstream-failed' });
  }
});

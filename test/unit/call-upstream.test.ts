import { describe, expect, test, vi } from 'vitest';
import { fieldLines } from '../../router-core/http/field-lines.ts';
import { callUpstream, type CallOptions } from '../../router-core/agent/upstream/call-upstream.ts';
import type { UpstreamRequest } from '../../router-core/http/request-writer.ts';

/** The head of a request for the upstream, and the error when it is refused. */
function callOf(request: { method?: string; target?: string; body?: Buffer }, headers: string[] = []) {
  const call = vi.fn<(request: UpstreamRequest) => void>();
  const onUnanswered = vi.fn<(error: Error) => void>();
  const { method = 'GET', target = '/a', body } = request;
  callUpstream({
    upstream: { host: 'up:81', basePath: '/base', pool: { call } },
    request: { head: { method, target, upgrade: '' }, body, trailers: '', bodyFollows: false },
    fields: fieldLines(headers),
    onUnanswered,
  } as unknown as CallOptions);
  return { sent: call.mock.lastCall?.[0], error: onUnanswered.mock.lastCall?.[0].message };
}

function lines(head = ''): string[] {
  return head.split('\r\n');
}

const END = ['Connection: keep-alive', '', ''];

describe('the head of a request', () => {
  test('has the upstream as its Host, and the fields as they came', () => {
    const { sent } = callOf({ target: '//x%2Fy?' }, ['X-a', '1', 'x-A', '\xe9']);
    expect(lines(sent?.head)).toEqual([
      'GET /base//x%2Fy? HTTP/1.1',
      'Host: up:81',
      'X-a: 1',
      'x-A: \xe9',
      ...END,
    ]);
  });

  test('keeps the Host that it was given', () => {
    const { sent } = callOf({}, ['host', 'example.org']);
    expect(lines(sent?.head)).toEqual(['GET /base/a HTTP/1.1', 'host: example.org', ...END]);
  });

  test.each([
    ['GET', undefined, [], undefined],
    ['GET', undefined, ['Content-Length', '0'], '0'],
    ['GET', Buffer.from('abc'), [], '3'],
    ['POST', undefined, [], '0'],
    ['POST', Buffer.from('abc'), ['content-length', '3'], '3'],
    ['PATCH', Buffer.from('abc'), [], '3'],
  ])('says of %s with %j and %j how long its body is: %s', (method, body, headers, length) => {
    const { sent } = callOf({ method, ...(body && { body }) }, headers);
    const said = lines(sent?.head).filter((line) => /^content-length/i.test(line));
    expect(said).toEqual(length === undefined ? [] : [`Content-Length: ${length}`]);
    expect(sent?.body).toBe(body);
  });
});

test.each([
  ['a line feed', {}, ['X', 'a\nY: b']],
  ['a character that becomes a line feed', {}, ['X', 'a\u010aY: b']],
  ['a field that would be the end of the head', {}, ['X', 'a\r\n\r\nGET / HTTP/1.1']],
  ['a name with a space', {}, ['X Y', 'b']],
  ['a target that would be two', { target: '/a HTTP/1.1\r\nX: y' }, []],
  ['a target with a space', { target: '/a b' }, []],
])('%s is refused before anything is sent', (_what, request, headers) => {
  const { sent, error } = callOf(request, headers);
  expect(sent).toBeUndefined();
  expect(error).toMatch(/cannot be sent/);
});

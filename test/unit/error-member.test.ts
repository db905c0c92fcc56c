import { expect, test } from 'vitest';
import { problemResponse, type ProblemCode } from '../../router-core/http/problems.ts';

/** Reads an error as a client library of an AI service does: `error` of the document, and the id of the request. */
function readAsLibrary(code: ProblemCode, detail?: string) {
  const { fields, body } = problemResponse(code, { requestId: 'r-1', method: 'POST', detail });
  const { error } = JSON.parse(String(body)) as { error: unknown };
  return { error, requestId: /^x-request-id: (.*)\r$/im.exec(fields)?.[1] };
}

test('a client library finds the reason of an error, its type, its code, and the id of the request', () => {
  expect(readAsLibrary('queue-timeout', 'All of 2 slots were busy for 30 s.')).toEqual({
    error: {
      message: 'No agent had a free slot in time. All of 2 slots were busy for 30 s.',
      type: 'server_error',
      code: 'queue-timeout',
    },
    requestId: 'r-1',
  });
});

test.each<[ProblemCode, string]>([
  ['bad-request', 'invalid_request_error'],
  ['unauthorized', 'authentication_error'],
  ['forbidden', 'permission_error'],
  ['no-route', 'invalid_request_error'],
  ['too-many-requests', 'rate_limit_error'],
  ['no-agent', 'server_error'],
  ['deadline', 'server_error'],
])('%s has the type that such libraries know: %s', (code, type) => {
  const message: unknown = expect.stringMatching(/./);
  expect(readAsLibrary(code).error).toMatchObject({ type, code, message });
});

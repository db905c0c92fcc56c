import { expect } from 'vitest';
import { valuesOf, type RawReply } from './raw-http.ts';

/** Fails unless the reply is this error of the router, in all the places that say so. */
export function expectProblem(
  reply: RawReply,
  status: number,
  code: string,
  executed: 'no' | 'maybe' | 'yes' = 'no',
): void {
  const values = (name: string) => valuesOf(reply.headers, name);
  expect({ status: reply.status, error: values('router-error') }).toEqual({ status, error: [code] });
  expect(values('content-type')).toEqual(['application/problem+json']);
  expect(values('router-executed')).toEqual([executed]);
  expect(values('router-request-id').join()).toMatch(/^\S+$/);
  expect(values('x-request-id')).toEqual(values('router-request-id'));
  const problem: unknown = JSON.parse(reply.body.toString());
  const text: unknown = expect.stringMatching(/./);
  expect(problem).toMatchObject({
    type: text,
    title: text,
    status,
    code,
    error: { message: text, type: text, code },
  });
}

/** Fails unless the reply says in whole seconds when to come again. */
export function expectRetryAfter(reply: RawReply): void {
  expect(valuesOf(reply.headers, 'retry-after').join()).toMatch(/^[1-9]\d*$/);
}

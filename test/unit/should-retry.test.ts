import { expect, test } from 'vitest';
import { PROBLEMS, problemResponse, type ProblemCode } from '../../router-core/http/problems.ts';

const CODES = Object.keys(PROBLEMS) as ProblemCode[];

/** The answer to a client: its document, and whether its library may send the request again by itself. */
function told(code: ProblemCode, context: { method: string; isRepeatable?: boolean; handedOver?: boolean }) {
  const { fields, body } = problemResponse(code, { requestId: 'r', ...context });
  const { safeToRetry } = JSON.parse(String(body)) as { safeToRetry: boolean };
  return { safeToRetry, isForbidden: /^X-Should-Retry: false\r$/im.test(fields) };
}

// A library such as `openai` sends a POST again after every 408, 409, 429 and 5xx, unless this field says no.
test.each(CODES)('%s: libraries are told not to repeat what may not run twice, and nothing else', (code) => {
  const mayHaveRun = PROBLEMS[code].executed !== 'no';
  expect(told(code, { method: 'POST' })).toEqual({ safeToRetry: !mayHaveRun, isForbidden: mayHaveRun });
  expect(told(code, { method: 'POST', handedOver: true })).toEqual({ safeToRetry: false, isForbidden: true });
  const may = { safeToRetry: true, isForbidden: false };
  expect(told(code, { method: 'POST', handedOver: true, isRepeatable: true })).toEqual(may);
  expect(told(code, { method: 'PUT', handedOver: true })).toEqual(may);
});

import { describe, expect, test } from 'vitest';
import { retry } from '../../router-core/runtime/retry.ts';

const SOON = { minMs: 1, maxMs: 2 };

/** Fails so many times, then resolves with the number of calls. */
function failing(times: number): () => Promise<number> {
  let calls = 0;
  return async () => {
    calls += 1;
    if (calls <= times) throw new Error(`failure ${calls}`);
    return calls;
  };
}

describe('a retry', () => {
  test('resolves with what the first try brings that does not fail, and reports each failure before it', async () => {
    const { signal } = new AbortController();
    const failures: string[] = [];
    const onFailure = (error: unknown) => failures.push((error as Error).message);
    expect(await retry(failing(0), { signal, ...SOON, onFailure })).toBe(1);
    expect(failures).toEqual([]);
    expect(await retry(failing(3), { signal, ...SOON, onFailure })).toBe(4);
    expect(failures).toEqual(['failure 1', 'failure 2', 'failure 3']);
  });

  test('throws a failure that another try cannot mend', async () => {
    const { signal } = new AbortController();
    const isRetried = (error: unknown) => (error as Error).message !== 'failure 2';
    await expect(retry(failing(9), { signal, ...SOON, isRetried })).rejects.toThrow('failure 2');
  });

  test('pauses between two tries for the time that it was given', async () => {
    const { signal } = new AbortController();
    const pausesOf = async (failures: number) => {
      const at: number[] = [];
      const onFailure = () => at.push(performance.now());
      await retry(failing(failures), { signal, minMs: 20, maxMs: 20, onFailure });
      return at.slice(1).map((each, i) => each - (at[i] ?? 0));
    };
    for (const pauseMs of [...(await pausesOf(4)), ...(await pausesOf(2))]) {
      expect(pauseMs).toBeGreaterThanOrEqual(18);
    }
  });

  test('ends at once when its signal aborts, in a pause or with the running try, and tries no more', async () => {
    const closing = new AbortController();
    const { signal } = closing;
    let calls = 0;
    const never = async () => {
      calls += 1;
      throw new Error('no');
    };
    setTimeout(() => closing.abort(), 20);
    expect(await retry(never, { signal, minMs: 60_000, maxMs: 60_000 })).toBeUndefined();
    expect(calls).toBe(1);
    expect(await retry(never, { signal, ...SOON })).toBeUndefined();
    expect(calls).toBe(1);

    const other = new AbortController();
    const failsWhenClosed = async () => {
      other.abort();
      throw new Error('the connection is closed');
    };
    const isRetried = () => false;
    expect(await retry(failsWhenClosed, { signal: other.signal, ...SOON, isRetried })).toBeUndefined();
  });
});

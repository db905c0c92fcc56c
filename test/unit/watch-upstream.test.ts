import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import type { Upstream } from '../../router-core/agent/upstream/upstream.ts';
import { watchUpstream, type UpstreamWatch } from '../../router-core/agent/upstream/watch-upstream.ts';
import { recordLog } from '../support/config.ts';
import { waitFor } from '../support/wait.ts';

// Without jitter: each wait is as long as it may be.
beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(0.999));
afterEach(() => void vi.restoreAllMocks());

function watch(isHealthy: () => Promise<boolean>) {
  const changes: { up: boolean; at: number }[] = [];
  const watched: UpstreamWatch = watchUpstream({
    upstream: { url: 'http://up', isHealthy } as Partial<Upstream> as Upstream,
    always: false,
    onChange: (up) => void changes.push({ up, at: performance.now() }),
    log: recordLog().log,
  });
  onTestFinished(() => watched.close());
  return { watched, changes };
}

test('an upstream that passes its check and refuses calls is tried less and less often', async () => {
  const { watched, changes } = watch(() => Promise.resolve(true));
  const pauses: number[] = [];
  for (let i = 0; i < 3; i++) {
    const downAt = performance.now();
    watched.markDown('refused');
    // Those that were under way at that time fail, too.
    for (let call = 0; call < 10; call++) watched.markDown('refused');
    expect(watched.up).toBe(false);
    await waitFor(() => watched.up, { what: 'the upstream to be tried again' });
    pauses.push((changes.at(-1)?.at ?? 0) - downAt);
  }
  const [first = 0, second = 0, third = 0] = pauses;
  expect(first).toBeGreaterThan(350);
  expect(second).toBeGreaterThan(750);
  expect(third).toBeGreaterThan(1_550);
  expect(changes.map(({ up }) => up)).toEqual([false, true, false, true, false, true]);
});

test('an upstream that refuses is asked until it does not', async () => {
  let healthy = false;
  let checks = 0;
  const { watched } = watch(() => {
    checks += 1;
    return Promise.resolve(healthy);
  });
  watched.markDown('refused');
  await waitFor(() => checks === 2, { what: 'two checks' });
  expect(watched.up).toBe(false);
  healthy = true;
  await waitFor(() => watched.up, { what: 'the upstream to be up again' });
  expect(checks).toBe(3);
});

import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import type { Upstream } from '../../router-core/agent/upstream/upstream.ts';
import { watchUpstream, type UpstreamWatch } from '../../router-core/agent/upstream/watch-upstream.ts';
import { recordLog } from '../support/config.ts';
import { waitFor } from '../support/wait.ts';

// Without jitter: each wait is as long as it may be.
beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(0.999));
afterEach(() => void vi.restoreAllMocks());

async function watch(check: Upstream['check']) {
  const changes: { up: boolean; at: number }[] = [];
  const { log, lines } = recordLog();
  const watched: UpstreamWatch = watchUpstream({
    upstream: { url: 'http://up', check } as Partial<Upstream> as Upstream,
    always: false,
    onChange: (up) => void changes.push({ up, at: performance.now() }),
    log,
  });
  onTestFinished(() => watched.close());
  await watched.checked;
  return { watched, changes, lines };
}

test('an upstream that passes its check and refuses calls is tried less and less often', async () => {
  const { watched, changes } = await watch(() => Promise.resolve(undefined));
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
  expect(changes.map(({ up }) => up)).toEqual([true, false, true, false, true, false, true]);
});

test('an upstream that refuses is asked until it does not', async () => {
  let problem: string | undefined;
  let checks = 0;
  const { watched } = await watch(() => {
    checks += 1;
    return Promise.resolve(problem);
  });
  problem = 'refused';
  watched.markDown('refused');
  await waitFor(() => checks === 3, { what: 'two more checks' });
  expect(watched.up).toBe(false);
  problem = undefined;
  await waitFor(() => watched.up, { what: 'the upstream to be up again' });
  expect(checks).toBe(4);
});

test('an upstream is down until it could be called once, and the log says why, each reason once', async () => {
  const problems = ['ECONNREFUSED 127.0.0.1:8010', 'ECONNREFUSED 127.0.0.1:8010', 'status 404 on /health'];
  const { watched, changes, lines } = await watch(() => Promise.resolve(problems.shift()));
  expect(watched.up).toBe(false);
  expect(watched.reason).toBe('ECONNREFUSED 127.0.0.1:8010');
  await waitFor(() => watched.up, { what: 'the upstream to be up' });
  expect(watched.reason).toBeUndefined();
  expect(changes.map(({ up }) => up)).toEqual([false, false, true]);
  const reasons = lines.map((line) => line['reason']).filter((reason) => reason !== undefined);
  expect(reasons).toEqual(['ECONNREFUSED 127.0.0.1:8010', 'status 404 on /health']);
});

import { expect, test } from 'vitest';
import { statusSchema } from '../../router-cli/api/status.ts';
import { requestsSchema } from '../../router-cli/api/requests.ts';
import { displayWidth } from '../../router-cli/terminal/printable.ts';
import { render } from '../../router-cli/top/render.ts';
import { TOP_KEYS } from '../../router-cli/top/top-keys.ts';
import { TopState } from '../../router-cli/top/top-state.ts';
import { VIEWS } from '../../router-cli/top/top-view.ts';

const SIZE = { columns: 80, rows: 24 };

function stateOf(): TopState {
  const state = new TopState();
  const instance = (id: string) => ({
    id,
    group: 'llama-70b',
    agent: 'gpu-1',
    version: '0.1.0',
    concurrency: 16,
    slots: 16,
    inFlight: 12,
    state: 'ready',
  });
  const group = {
    name: 'llama-70b',
    waiting: 1234,
    queued: 12,
    running: 128,
    slots: 128,
    perSecond: 123.4,
    p50Ms: 210_000,
    p99Ms: 600_000,
    errorRate: 0.004,
    instances: [instance('upstream-1.026e95d6'), instance('upstream-2.026e95d7')],
  };
  const hub = {
    id: '1c7a0d11175c',
    name: 'gateway-1',
    version: '0.1.0',
    startedAt: '2026-01-01T00:00:00Z',
    address: '0.0.0.0:8080',
    configVersion: 1_795_984_426_327,
    inFlight: 4096,
  };
  state.setStatus(statusSchema.parse({ version: 1_795_984_426_327, hubs: [hub], groups: [group] }));
  const request = { group: 'llama-70b', state: 'running', method: 'GET', target: '/v1/models' };
  state.setRequests(
    requestsSchema.parse([
      { ...request, id: '1c7a0d11175c-1', sinceMs: 500 },
      { ...request, id: '1c7a0d11175c-2', sinceMs: 90_000 },
      { ...request, id: '1c7a0d11175c-3', sinceMs: 3_000 },
    ]),
  );
  return state;
}

const screenOf = (state: TopState) =>
  render(state, 'http://127.0.0.1:8081', SIZE).map((line) =>
    line
      .map(({ text }) => text)
      .join('')
      .trimEnd(),
  );

test.each([...VIEWS, 'help'] as const)('nothing of %s is cut at 80 columns', (view) => {
  const state = stateOf();
  if (view === 'help') state.isHelp = true;
  else state.showView(view);
  const lines = screenOf(state);
  expect(lines.filter((line) => displayWidth(line) > 80 || line.includes('…'))).toEqual([]);
  expect(Math.max(...TOP_KEYS.map(displayWidth))).toBeLessThanOrEqual(80);
});

test('groups show their error rate, and the tabs how many rows there are', () => {
  const screen = screenOf(stateOf()).join('\n');
  expect(screen).toContain('[1] groups 1   [2] instances 2   [3] requests 1374   [4] hubs 1');
  expect(screen).toMatch(/^GROUP.* ERR +STATE$/m);
  // Rounded up: less than one of a hundred is not none.
  expect(screen).toMatch(/^llama-70b .* 1% +\S/m);
});

test('requests begin with the oldest', () => {
  const state = stateOf();
  state.showView('requests');
  const ids = screenOf(state).flatMap((line) => /^1c7a0d11175c-\d/.exec(line) ?? []);
  expect(ids).toEqual(['1c7a0d11175c-2', '1c7a0d11175c-3', '1c7a0d11175c-1']);
});

test('hubs have a view of their own', () => {
  const state = stateOf();
  state.showView('hubs');
  expect(screenOf(state).join('\n')).toMatch(/^1c7a0d11175c +gateway-1 +0\.0\.0\.0:8080 +4096 /m);
});

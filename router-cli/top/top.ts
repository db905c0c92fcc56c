import { sleep } from '../../router-core/runtime/backoff.ts';
import type { ApiClient } from '../api/client.ts';
import { requestsSchema } from '../api/requests.ts';
import { followStatus } from './follow-status.ts';
import { pressKey } from './keys.ts';
import { render } from './render.ts';
import { openScreen } from './screen.ts';
import { TopState } from './top-state.ts';

/** How often the requests are read while they are shown. */
const REQUESTS_MS = 1_000;
const MOST_REQUESTS = 200;

/** The live view, until a key or a signal ends it. Rejects when the API refuses; the terminal is restored by then. */
export async function runTop(api: ApiClient, { colours }: { colours: boolean }): Promise<void> {
  const state = new TopState();
  const stop = new AbortController();
  const draw = () => screen.draw(render(state, api.url, screen.size));
  const onKey = (key: string): void => {
    if (pressKey(state, key, { api, draw })) draw();
    else stop.abort();
  };
  const screen = openScreen({ onKey, onResize: () => draw() }, { colours });
  const end = () => stop.abort();
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
  for (const signal of signals) process.once(signal, end);
  try {
    draw();
    await Promise.all([
      followStatus(api, stop.signal, {
        onStatus(status) {
          state.setStatus(status);
          draw();
        },
        onLost(why) {
          state.lost = why;
          draw();
        },
      }),
      followRequests(api, state, stop.signal, draw),
    ]);
  } finally {
    stop.abort();
    screen.close();
    for (const signal of signals) process.off(signal, end);
  }
}

/** Only while they are shown: listing them costs Redis more than the rest. */
async function followRequests(
  api: ApiClient,
  state: TopState,
  signal: AbortSignal,
  draw: () => void,
): Promise<void> {
  while (!signal.aborted) {
    if (state.view === 'requests') {
      const items = await api.list('/v1/requests', { limit: MOST_REQUESTS }).catch(() => undefined);
      const parsed = requestsSchema.safeParse(items);
      if (parsed.success) state.setRequests(parsed.data);
      if (!signal.aborted) draw();
    }
    await sleep(state.view === 'requests' ? REQUESTS_MS : REQUESTS_MS / 4, signal);
  }
}

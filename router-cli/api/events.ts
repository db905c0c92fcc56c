import type { ApiClient } from './client.ts';
import { failureOf } from './failure.ts';

export interface ApiEvent {
  readonly name: string;
  /** JSON. */
  readonly data: string;
}

const PATH = '/v1/events';

/**
 * The events of GET /v1/events, until the connection or `signal` ends them. Rejects with an ApiFailure when they cannot begin.
 */
export async function* readEvents(api: ApiClient, signal: AbortSignal): AsyncGenerator<ApiEvent> {
  const response = await api.fetch('GET', PATH, { signal });
  if (!response.ok || response.body === null) {
    const body: unknown = await response.json().catch(() => undefined);
    throw failureOf({ url: api.url, path: PATH }, response.status, body);
  }
  let rest = '';
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1];
      const data = field('data');
      // A block without data keeps the connection alive.
      if (data !== undefined) yield { name: field('event') ?? 'message', data };
    }
  }
}

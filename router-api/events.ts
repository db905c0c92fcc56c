import { createRoute } from '@hono/zod-openapi';
import { streamSSE } from 'hono/streaming';
import { z } from 'zod';
import { sleep } from '../router-core/runtime/backoff.ts';
import { forRole, guardedAnswers } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';
import { EventFeed, type FeedEvent } from './event-feed.ts';
import { ApiProblem } from './problems.ts';

const MOST_LISTENERS = 100;
/** A silent connection is cut by proxies; it is also looked at so often whether its admin still is one. */
const HEARTBEAT_MS = 1_000;
/** Who does not read so much has to begin anew. */
const MOST_PENDING = 64;

/** GET /v1/events: what happens, as it happens. */
export function eventsEndpoint(api: Api, { control, closing }: ApiParts): void {
  const feed = new EventFeed(control);
  const route = createRoute({
    method: 'get',
    path: '/v1/events',
    tags: ['status'],
    operationId: 'followEvents',
    summary: 'Follow changes and the status as server-sent events',
    description:
      'Event `change`: {version, changes: [{kind, name, change}]}; without `changes`, read the whole configuration. ' +
      'Event `status`, every second: the same as GET /v1/status. ' +
      'The stream begins with one of each, and ends when the token ends.',
    ...forRole('viewer'),
    responses: {
      200: { description: 'The events', content: { 'text/event-stream': { schema: z.string() } } },
      ...guardedAnswers('busy'),
    },
  });
  api.openapi(route, (c) => {
    if (closing.aborted) throw new ApiProblem('shutting-down');
    if (feed.size >= MOST_LISTENERS) throw new ApiProblem('busy', { headers: { 'Retry-After': '10' } });
    const { isStillAdmitted } = c.var;
    const pending = new PendingEvents();
    const unsubscribe = feed.subscribe((event) => pending.add(event));
    return streamSSE(c, async (stream) => {
      const stop = () => pending.close();
      stream.onAbort(stop);
      closing.addEventListener('abort', stop);
      try {
        for (;;) {
          const events = await pending.take(HEARTBEAT_MS);
          if (pending.isClosed || !isStillAdmitted()) return;
          for (const { name, data } of events) await stream.writeSSE({ event: name, data });
          if (events.length === 0) await stream.write(': nothing\n\n');
        }
      } finally {
        unsubscribe();
        closing.removeEventListener('abort', stop);
      }
    });
  });
}

/** Between what happens and a connection that may be slow: of the status only the last counts. */
class PendingEvents {
  isClosed = false;
  #events: FeedEvent[] = [];
  #wake = new AbortController();

  add(event: FeedEvent): void {
    if (event.name === 'status') this.#events = this.#events.filter(({ name }) => name !== 'status');
    this.#events.push(event);
    if (this.#events.length > MOST_PENDING) this.close();
    this.#wake.abort();
  }

  close(): void {
    this.isClosed = true;
    this.#wake.abort();
  }

  /** All there is; none when nothing has come for so long. */
  async take(ms: number): Promise<FeedEvent[]> {
    if (this.#events.length === 0 && !this.isClosed) await sleep(ms, this.#wake.signal);
    this.#wake = new AbortController();
    const events = this.#events;
    this.#events = [];
    return events;
  }
}

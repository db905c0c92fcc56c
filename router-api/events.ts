import { createRoute } from '@hono/zod-openapi';
import { streamSSE } from 'hono/streaming';
import { z } from 'zod';
import { sleep } from '../router-core/runtime/backoff.ts';
import type { Admin } from './admin-directory.ts';
import { forRole, guardedAnswers } from './endpoint.ts';
import type { Api, ApiParts } from './endpoint.ts';
import { EventFeed, type FeedEvent } from './event-feed.ts';
import { ApiProblem } from './problems.ts';

const MOST_LISTENERS = 100;
/** One person's pages and terminals need no more; without a limit one admin could use up all connections. */
const MOST_OF_AN_ADMIN = 16;
/** Proxies cut silent connections. Each heartbeat also checks that the token is still valid. */
const HEARTBEAT_MS = 1_000;
/** A client that lags this far behind must connect again. */
const MOST_PENDING = 64;

/** GET /v1/events: events as they happen. */
export function eventsEndpoint(api: Api, { control, closing }: ApiParts): void {
  const feed = new EventFeed(control);
  const following = new Following();
  const route = createRoute({
    method: 'get',
    path: '/v1/events',
    tags: ['status'],
    operationId: 'followEvents',
    summary: 'Follow changes and the status as server-sent events',
    description:
      'Event `change`: {version, changes: [{kind, name, change}]}; without `changes`, read the whole configuration. ' +
      'Event `status`, every second: the same as GET /v1/status. ' +
      'The stream begins with one of each, and ends when the token ends. ' +
      `An admin may have ${MOST_OF_AN_ADMIN} streams open at once; one more gets 429.`,
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
    const leave = following.enter(c.var.admin);
    const pending = new PendingEvents();
    const unsubscribe = feed.subscribe((event) => pending.add(event));
    const { outgoing } = c.env;
    // Needed for a connection that does not read: a write to it would never finish.
    outgoing.once('close', () => {
      pending.close();
      unsubscribe();
      leave();
    });
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
        leave();
        closing.removeEventListener('abort', stop);
      }
    });
  });
}

/** How many connections each admin has at this process. */
class Following {
  readonly #counts = new Map<string, number>();

  /** Takes a place. Returns a function that frees it once, however often it is called. Throws when no place is free. */
  enter({ name, isRoot }: Admin): () => void {
    // A record may have the same name as the operator's own admin.
    const key = `${isRoot ? '*' : ''}${name}`;
    const count = this.#counts.get(key) ?? 0;
    if (count >= MOST_OF_AN_ADMIN) {
      throw new ApiProblem('too-many-requests', {
        detail: `The admin "${name}" follows events over ${count} connections already: close one of them first`,
        headers: { 'Retry-After': '10' },
      });
    }
    this.#counts.set(key, count + 1);
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      const left = (this.#counts.get(key) ?? 1) - 1;
      if (left > 0) this.#counts.set(key, left);
      else this.#counts.delete(key);
    };
  }
}

/** Buffers events for a connection that may be slow. Only the latest status is kept. */
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

  /** All pending events; none when nothing came within `ms`. */
  async take(ms: number): Promise<FeedEvent[]> {
    if (this.#events.length === 0 && !this.isClosed) await sleep(ms, this.#wake.signal);
    this.#wake = new AbortController();
    const events = this.#events;
    this.#events = [];
    return events;
  }
}

import { createBackoff, sleep } from '../../router-core/runtime/backoff.ts';
import type { ApiClient } from '../api/client.ts';
import { readEvents } from '../api/events.ts';
import { ApiFailure } from '../api/failure.ts';
import { statusSchema, type Status } from '../api/status.ts';

export interface Listener {
  readonly onStatus: (status: Status) => void;
  /** The connection is lost; it is tried again. */
  readonly onLost: (why: string) => void;
}

/** A second without a status is normal; this many are not. */
const SILENT_MS = 5_000;

/** Reports every status until `signal` ends it. Rejects when the token is refused, so that another try would not help. */
export async function followStatus(api: ApiClient, signal: AbortSignal, listener: Listener): Promise<void> {
  const backoff = createBackoff({ minMs: 200, maxMs: 3_000 });
  while (!signal.aborted) {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENT_MS);
    try {
      for await (const { name, data } of readEvents(api, AbortSignal.any([signal, silence.signal]))) {
        if (name !== 'status') continue;
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENT_MS);
        backoff.reset();
        listener.onStatus(statusSchema.parse(JSON.parse(data)));
      }
      listener.onLost('the connection has ended');
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiFailure && ['unauthorized', 'forbidden'].includes(error.code)) throw error;
      listener.onLost(lossInWords(error, silence.signal.aborted));
    } finally {
      clearTimeout(timer);
    }
    await sleep(backoff.next(), signal);
  }
}

function lossInWords(error: unknown, wasSilent: boolean): string {
  if (wasSilent) return 'nothing is heard from router-api or its Redis';
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
}

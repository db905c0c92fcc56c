import type { Redis } from 'ioredis';
import { encodeFrame, EVERY_ATTEMPT, FENCE } from '../../exchange/frames.ts';
import { groupKeys } from '../scripts/keys.ts';
import { readLanes } from './live-groups.ts';
import { groupScript } from '../scripts/script-keys.ts';
import { wholeOf, wordOf } from '../connection/reply-shape.ts';
import { loadScript, runScript } from '../connection/run-script.ts';

const script = loadScript('abort');

/** The request may move on between two looks, but not for ever: each attempt takes a lease. */
const MOST_LOOKS = 5;

/** removed: it never ran. running: its agent was stopped. */
export type AbortOutcome = 'removed' | 'running' | 'unknown';

/** Ends a request of this group; its client gets 503 `cancelled`. `by` is for the log of its hub. */
export async function abortRequest(
  client: Redis,
  { group, id, by }: { group: string; id: string; by: string },
): Promise<AbortOutcome> {
  const keys = groupKeys(group);
  const [lanes = []] = await readLanes(client, [group]);
  const groupInput = groupScript(keys, lanes);
  const reset = encodeFrame(id, EVERY_ATTEMPT, FENCE, { stop: true });
  let attempt = 1;
  for (let look = 0; look < MOST_LOOKS; look++) {
    const failed = encodeFrame(id, attempt, FENCE, { failed: `cancelled\nby ${by}` });
    const reply = await runScript(
      client,
      script,
      [...groupInput.keys, keys.up(id), keys.down(id, attempt)],
      [...groupInput.args, id, attempt, failed, reset],
    );
    const other = wholeOf(reply, EVERY_ATTEMPT - 1, 1);
    if (other === undefined) return wordOf(reply, ['removed', 'running'] as const) ?? 'unknown';
    attempt = other;
  }
  return 'unknown';
}

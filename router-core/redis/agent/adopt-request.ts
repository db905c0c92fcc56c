import type { Redis } from 'ioredis';
import { NUDGE } from '../../exchange/frames.ts';
import type { Presented, RequestPlace } from '../../exchange/relay-link.ts';
import { BadReplyError, listOf, textOf, wholeOf, wordOf } from '../connection/reply-shape.ts';
import { loadScript, runScript } from '../connection/run-script.ts';
import type { GroupKeys } from '../scripts/keys.ts';
import { isLaneName } from '../scripts/lane-names.ts';
import { decodeMeta, type RequestMeta } from '../scripts/meta.ts';
import { groupScript } from '../scripts/script-keys.ts';
import { isEntryId } from '../scripts/times.ts';

const script = loadScript('adopt');

export interface AdoptInput {
  readonly keys: GroupKeys;
  /** The new owner, and the lane from which it pulls. */
  readonly instance: string;
  readonly lane: string;
  readonly from: RequestPlace;
  readonly presented: Presented;
}

export type AdoptOutcome =
  | {
      readonly outcome: 'adopted';
      readonly entry: string;
      readonly meta: RequestMeta;
      readonly begun: boolean;
    }
  /** Somebody has adopted it before; as its next attempt it stands there. */
  | { readonly outcome: 'continued'; readonly turn: number; readonly to: RequestPlace }
  | { readonly outcome: 'gone' | 'busy' };

/** Moves a request to another relay; see adopt.lua. Rejects when Redis is away, and with what it refuses. */
export async function adoptRequest(client: Redis, input: AdoptInput): Promise<AdoptOutcome> {
  const { keys, instance, lane, from, presented } = input;
  const { record = '-', turn } = presented;
  const { relay, id, attempt } = from;
  const place = splitPlace(from.place);
  if (!place) return { outcome: 'gone' };
  const group = groupScript(keys, lane === place.lane ? [lane] : [lane, place.lane]);
  const reply = await runScript(
    client,
    script,
    [
      ...group.keys,
      ...[keys.slots, keys.agentSlots, keys.up(id), keys.down(id, attempt), keys.down(id, attempt + 1)],
    ],
    [...group.args, place.entry, id, attempt, relay, instance, record, turn, NUDGE],
  );
  const outcome = decodeOutcome(reply, from);
  if (!outcome) throw new BadReplyError('adopt');
  return outcome;
}

/** `<lane> <entry>`: where a request stands, as scripts say it. */
function splitPlace(place: string): { lane: string; entry: string } | undefined {
  const [lane, entry = '', ...more] = place.split(' ');
  return isLaneName(lane) && isEntryId(entry) && more.length === 0 ? { lane, entry } : undefined;
}

const MOST_CHARS = 4_000;

function decodeOutcome(reply: unknown, { id, attempt }: RequestPlace): AdoptOutcome | undefined {
  const [word, ...rest] = listOf(reply);
  const outcome = wordOf(word, ['adopted', 'continued', 'gone', 'busy'] as const);
  if (outcome === 'gone' || outcome === 'busy') return { outcome };
  const [first, second, third] = rest.map((each) => textOf(each, MOST_CHARS) ?? '');
  if (outcome === 'adopted') {
    const entry = splitPlace(first ?? '')?.entry;
    const meta = decodeMeta(third ?? '');
    return entry !== undefined && meta ? { outcome, entry, meta, begun: second === 'begun' } : undefined;
  }
  const turn = wholeOf(first);
  if (outcome === undefined || turn === undefined) return undefined;
  return { outcome, turn, to: { relay: second ?? '', id, attempt: attempt + 1, place: third ?? '' } };
}

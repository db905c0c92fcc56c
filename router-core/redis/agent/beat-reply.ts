import type { Grant } from '../../exchange/agent-link.ts';
import { leaseOf, listOf, textOf, wholeOf, wordOf } from '../connection/reply-shape.ts';
import { laneNames } from '../scripts/lane-names.ts';

/** The reply of heartbeat.lua. */
export interface BeatReply {
  /** Redis ms. */
  readonly now: number;
  readonly leaseMs: number;
  /** The row was not registered. */
  readonly joined: boolean;
  /** All of the group, when there are more or fewer than were known. */
  readonly lanes: string[];
  readonly version: string;
  /** More waiting requests may be handed out. */
  readonly hasMore: boolean;
  /** One for each share. */
  readonly grants: readonly Grant[];
  /** One for each running request: '' held, lost, abandoned, or gone, which is both. */
  readonly fates: readonly unknown[];
}

const STATES = ['active', 'paused', 'draining', 'unknown', 'moved'] as const;

/** Undefined for what heartbeat.lua does not reply. `key`: where the names of lanes are from. `shares`: how many were offered. */
export function decodeBeat(reply: unknown, key: string, shares: number): BeatReply | undefined {
  const [nowText, lease, joined, lanes, version, more, granted, ...fates] = listOf(reply);
  const now = wholeOf(nowText);
  const leaseMs = leaseOf(lease);
  const known = textOf(version, 64);
  const grants = grantsOf(listOf(granted));
  if (now === undefined || leaseMs === undefined || known === undefined) return undefined;
  if (grants?.length !== shares) return undefined;
  return {
    now,
    leaseMs,
    joined: joined === 1,
    lanes: laneNames(lanes, key),
    version: known,
    hasMore: more === 1,
    grants,
    fates,
  };
}

/** Slots and state in turn. */
function grantsOf(pairs: readonly unknown[]): Grant[] | undefined {
  const grants: Grant[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    const slots = wholeOf(pairs[i]);
    const state = wordOf(pairs[i + 1], STATES);
    if (slots === undefined || state === undefined) return undefined;
    grants.push({ slots, state });
  }
  return grants;
}

import { z } from 'zod';
import { hardwareSchema, labelsSchema, type Hardware, type Labels } from '../../exchange/hardware.ts';
import type { LinkedAgentReport } from '../../exchange/relay-link.ts';
import { badInput } from '../../runtime/bad-input.ts';
import { parseJson } from '../../runtime/parse-json.ts';
import { instanceOfRow } from '../agent/record-parts.ts';
import { textOf, wholeOf } from '../connection/reply-shape.ts';
import { groupKeys } from '../scripts/keys.ts';

/** Agents write their reports themselves, so nothing in one is certain. */
const reportSchema = z.object({
  name: z.string().max(200),
  version: z.string().max(100),
  concurrency: z.number(),
  inFlight: z.number(),
  state: z.string().max(40),
  reason: z.string().max(1_000).optional(),
  agent: z.string().max(100).optional(),
  token: z.string().max(40).optional(),
  relay: z.boolean().optional(),
  // An instance is shown also when these cannot be read.
  labels: labelsSchema.optional().catch(undefined),
  hardware: hardwareSchema.optional().catch(undefined),
});

/** The report of an agent has half of that, with all its labels and GPUs. */
const MOST_REPORT_CHARS = 8_192;

/** A row of a relay names 64 records. */
const MOST_ROW_CHARS = 8_192;

/** A name of an agent, a dot and 8 digits. */
const MOST_NAME_CHARS = 255;

/** A live instance of a group. */
export interface LiveInstance {
  readonly id: string;
  readonly group: string;
  readonly name: string;
  /** Its agent record and the id of its token, when it has one. */
  readonly agent: string | null;
  readonly tokenId: string | null;
  readonly version: string;
  /** Slots that it has, and those that the group lets it use. */
  readonly concurrency: number;
  readonly slots: number;
  readonly inFlight: number;
  /** ready, upstream-down, paused or draining. */
  readonly state: string;
  /** Why its upstream is down, as its agent says. */
  readonly reason: string | null;
  readonly labels: Labels;
  /** null: it does not tell. */
  readonly hardware: Hardware | null;
  /** Its link to a hub; null: it reaches Redis itself. */
  readonly link: LiveLink | null;
}

/** The link of an agent to a hub. */
export interface LiveLink {
  /** Id and name of the hub. */
  readonly hub: string;
  readonly hubName: string;
  /** The time of the last ping, ms; null: none was answered yet. */
  readonly roundTripMs: number | null;
  /** ISO 8601. */
  readonly lastHeardAt: string;
}

/** Slots per instance: those of all its rows, which are `<lane> <slots> <shares>`. */
export function slotsOfRows(rows: unknown): Map<string, number> {
  const slots = new Map<string, number>();
  for (const [row, text] of Object.entries((rows as Record<string, unknown> | undefined) ?? {})) {
    const instance = instanceOfRow(row);
    const own = wholeOf(textOf(text, MOST_ROW_CHARS)?.split(' ', 2)[1]) ?? 0;
    slots.set(instance, (slots.get(instance) ?? 0) + own);
  }
  return slots;
}

/** Undefined when the report is none. */
export function liveInstance(
  group: string,
  id: string,
  report: unknown,
  slots: number,
): { isRelay: boolean; instance: LiveInstance } | undefined {
  const { data } = reportSchema.safeParse(parseJson(textOf(report, MOST_REPORT_CHARS) ?? ''));
  if (data === undefined || id.length > MOST_NAME_CHARS) {
    badInput.note('report', groupKeys(group).reports);
    return undefined;
  }
  const { agent = null, token: tokenId = null, reason = null, relay: isRelay = false, ...rest } = data;
  const { labels = {}, hardware = null } = rest;
  const about = { agent, tokenId, slots, reason, labels, hardware, link: null };
  return { isRelay, instance: { id, group, ...rest, ...about } };
}

/** An agent that is linked to a relay, as its relay shows it. */
export function linkedInstance(group: string, report: LinkedAgentReport): LiveInstance {
  const { instance: id, name, version, concurrency, inFlight, state, slots } = report;
  const { agent = null, token: tokenId = null, reason = null, labels = {}, hardware = null } = report;
  const { hub, hubName, roundTripMs = null, lastHeardAt } = report;
  const link = { hub, hubName, roundTripMs, lastHeardAt };
  const about = { labels, hardware, link };
  return { id, group, name, agent, tokenId, version, concurrency, slots, inFlight, state, reason, ...about };
}

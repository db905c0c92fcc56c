import type { Redis } from 'ioredis';
import { z } from 'zod';
import { badInput } from '../../runtime/bad-input.ts';
import { parseJson } from '../../runtime/parse-json.ts';
import { pairs } from '../../runtime/pairs.ts';
import { MOST_PROBLEMS, type Problem } from '../../runtime/recent-problems.ts';
import { isServerError } from '../connection/connection.ts';
import { listOf, textOf } from '../connection/reply-shape.ts';
import { loadScript, runScript } from '../connection/run-script.ts';
import type { Store } from '../connection/store.ts';
import { callByNode, callStore } from '../connection/store-call.ts';
import { CONFIG_KEYS, CONFIG_TAG, groupKeys } from '../scripts/keys.ts';
import type { GroupError } from './requests-in-flight.ts';

const script = loadScript('read-log');

/** One problem that a hub or an agent has logged. */
export interface LoggedProblem {
  /** ISO 8601, by the clock of its process. */
  readonly time: string;
  readonly level: Problem['level'];
  readonly message: string;
  readonly error: string | null;
  readonly code: string | null;
  readonly about: Readonly<Record<string, string>>;
  readonly source: 'hub' | 'agent';
  /** The name of the hub's machine, or the `--name` of the agent. */
  readonly name: string;
  /** Id of the hub, or of the first instance of the agent's process. */
  readonly process: string;
  /** The group in whose keys an agent's problem was found; null for a hub's. */
  readonly group: string | null;
  /** Its agent record, as it says itself. */
  readonly agent: string | null;
}

/** Agents write their rows themselves, so nothing in one is certain: texts are short, and no terminal obeys any of them. */
const text = z.string().max(500).transform(withoutControls);
const name = z.string().max(300).transform(withoutControls);

const problemSchema = z.object({
  time: z.iso.datetime(),
  level: z.enum(['warn', 'error', 'fatal']),
  message: text,
  error: text.nullable().default(null),
  code: text.nullable().default(null),
  about: z.record(z.string().regex(/^[a-zA-Z]{1,20}$/), text).catch({}),
});

const rowSchema = z.object({
  name,
  agent: name.nullable().default(null),
  problems: z.array(z.unknown()).max(MOST_PROBLEMS),
});

const MOST_ROW_CHARS = 512 * 1024;

export interface ProcessLogs {
  readonly items: readonly LoggedProblem[];
  /** Groups whose row could not be read. */
  readonly errors: readonly GroupError[];
}

/** The problems that the agents of these groups have logged, and the hubs, in no order. */
export async function readProcessLogs(
  store: Pick<Store, 'at'>,
  { hubs, groups }: { readonly hubs: boolean; readonly groups: readonly string[] },
): Promise<ProcessLogs> {
  const ofHubs = hubs
    ? callStore(store.at(CONFIG_TAG, 'commands'), (client) => readKey(client, CONFIG_KEYS.log, null))
    : { items: [] };
  const ofAgents = callByNode(store, groups, (client, names) =>
    Promise.all(names.map((group) => readKey(client, groupKeys(group).log, group))),
  );
  const found: Found[] = [await ofHubs, ...(await ofAgents).flat()];
  return {
    items: found.flatMap(({ items }) => items),
    errors: found.flatMap(({ error }) => error ?? []),
  };
}

interface Found {
  readonly items: readonly LoggedProblem[];
  readonly error?: GroupError | undefined;
}

async function readKey(client: Redis, key: string, group: string | null): Promise<Found> {
  const failed = (message: string) => ({ items: [], error: { group: group ?? '', message } });
  try {
    const [excess, ...rows] = listOf(await runScript(client, script, [key], []));
    if (excess !== '') return failed(String(excess));
    return { items: pairs(rows as string[]).flatMap(([field, json]) => rowOf({ key, group, field, json })) };
  } catch (error) {
    // A key of another type: agents can make it one.
    if (!isServerError(error)) throw error;
    return failed(error.message);
  }
}

function rowOf(row: { key: string; group: string | null; field: string; json: string }): LoggedProblem[] {
  const { key, group, field, json } = row;
  const [process = ''] = field.split(' ', 1);
  const { data } = rowSchema.safeParse(parseJson(textOf(json, MOST_ROW_CHARS) ?? ''));
  if (!data || process.length > 300) {
    badInput.note('row', key);
    return [];
  }
  const { agent } = data;
  const source = group === null ? ('hub' as const) : ('agent' as const);
  return data.problems.flatMap((each) => {
    const problem = problemSchema.safeParse(each).data;
    if (!problem) return [];
    return { ...problem, source, name: data.name, process: withoutControls(process), group, agent };
  });
}

/** Control characters, and those that turn the direction of a line. */
function withoutControls(written: string): string {
  return written.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, '\ufffd');
}

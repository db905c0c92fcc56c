import type { Redis } from 'ioredis';
import { LIST_OF, OBJECT_KINDS, type ObjectKind } from '../../config/object-kinds.ts';
import type { Logger } from '../../runtime/logger.ts';
import { inSlices } from '../../runtime/slices.ts';
import { CHANGES_CHANNEL, CONFIG_KEYS, configKey } from '../scripts/keys.ts';
import type { ConfigReader, ConfigState, UnreadableObject } from '../../config/config-state.ts';
import { badInput } from '../../runtime/bad-input.ts';
import { BadReplyError, listOf, wholeOf } from '../connection/reply-shape.ts';
import { loadScript, runScript } from '../connection/run-script.ts';
import { allOrFirstFailure } from '../connection/store-call.ts';

const scripts = { read: loadScript('read-config'), commit: loadScript('commit-config') };

const HASHES = OBJECT_KINDS.map((kind) => configKey(LIST_OF[kind]));

/** The approximate number of entries that the audit stream keeps. */
export const AUDIT_ENTRIES = 10_000;

/** One object written, or removed when `json` is undefined. */
export interface ConfigChange {
  readonly kind: ObjectKind;
  readonly name: string;
  readonly json: string | undefined;
}

/** Entries of one reply: Redis and this process handle them in a millisecond or two. */
const PAGE = 500;
/** After so many pages that a write has outdated, everything is read in one reply. */
const PAGED_TRIES = 3;

interface StoredConfig {
  readonly version: number;
  /** Names and texts in turn, one list per kind of object. */
  readonly hashes: readonly (readonly string[])[];
}

/**
 * Reads the whole configuration as of one moment, without holding up Redis or this process, however large it is. Rejects with
 * the reason of `signal` when that aborts.
 */
export async function readConfig(
  client: Redis,
  { reader, log, signal }: { reader: ConfigReader; log: Logger; signal?: AbortSignal },
): Promise<ConfigState> {
  const { version, hashes } = (await readInPages(client, signal)) ?? (await readAtOnce(client));
  const onBad = ({ kind, name: object, reason }: UnreadableObject) => {
    badInput.note('config', CONFIG_KEYS.version);
    log.error({ kind, object, reason }, 'an object of the configuration cannot be used and is left out');
  };
  return inSlices(reader.read(version, hashes, onBad), signal);
}

/**
 * The pages are of one moment when the version is the same before and after them: every write changes it. Undefined when it
 * was never the same.
 */
async function readInPages(
  client: Redis,
  signal: AbortSignal | undefined,
): Promise<StoredConfig | undefined> {
  for (let tries = 0; tries < PAGED_TRIES; tries += 1) {
    // Sent in this order, over one connection.
    const before = client.get(CONFIG_KEYS.version);
    const pages = HASHES.map((key) => readHash(client, key, signal));
    const [version, ...hashes] = await allOrFirstFailure<string | null | string[]>([before, ...pages]);
    if ((await client.get(CONFIG_KEYS.version)) !== version) continue;
    return { version: versionIn(version ?? '0'), hashes: hashes as string[][] };
  }
  return undefined;
}

async function readHash(client: Redis, key: string, signal: AbortSignal | undefined): Promise<string[]> {
  const hash: string[] = [];
  let cursor = '0';
  do {
    const [next, entries] = await client.hscan(key, cursor, 'COUNT', PAGE);
    signal?.throwIfAborted();
    hash.push(...entries);
    cursor = next;
  } while (cursor !== '0');
  return hash;
}

async function readAtOnce(client: Redis): Promise<StoredConfig> {
  const keys = [CONFIG_KEYS.version, ...HASHES];
  const [version, ...hashes] = listOf(await runScript(client, scripts.read, keys, []));
  return { version: versionIn(version), hashes: hashes.map(listOf) as string[][] };
}

function versionIn(text: unknown): number {
  const version = wholeOf(text);
  if (version !== undefined) return version;
  badInput.note('config', CONFIG_KEYS.version);
  throw new BadReplyError('read-config');
}

/**
 * The version of a write on top of `base`. Versions only grow, even when Redis has lost its data and starts again: so they
 * come from the clock, not from a counter.
 */
export function nextVersion(base: number): number {
  return Math.max(base + 1, Date.now());
}

export interface ConfigCommit {
  /** The version from which the changes were made. */
  readonly base: number;
  /** The result of nextVersion(base); changed objects get it as their revision. */
  readonly version: number;
  readonly changes: readonly ConfigChange[];
  /** JSON. */
  readonly audit: string;
}

/**
 * Writes all changes or none. Resolves with false when another process has written since `base`: then the caller reads again
 * and decides again. Rejects with the server's error, or with the connection's: then nobody knows if it was written.
 */
export async function commitConfig(client: Redis, commit: ConfigCommit): Promise<boolean> {
  const written = await runScript(
    client,
    scripts.commit,
    [CONFIG_KEYS.version, CONFIG_KEYS.audit, ...HASHES],
    [
      ...[commit.base, commit.version, CHANGES_CHANNEL, AUDIT_ENTRIES, commit.audit],
      ...commit.changes.flatMap(({ kind, name, json = '' }) => [OBJECT_KINDS.indexOf(kind) + 1, name, json]),
    ],
  );
  return written === 1;
}

import type { Redis } from 'ioredis';
import { LIST_OF, OBJECT_KINDS, type ObjectKind } from '../../config/object-kinds.ts';
import type { Logger } from '../../runtime/logger.ts';
import { CHANGES_CHANNEL, CONFIG_KEYS, configKey } from '../scripts/keys.ts';
import type { ConfigReader, ConfigState } from '../../config/config-state.ts';
import { badInput } from '../../runtime/bad-input.ts';
import { BadReplyError, listOf, wholeOf } from '../connection/reply-shape.ts';
import { loadScript, runScript } from '../connection/run-script.ts';

const scripts = { read: loadScript('read-config'), commit: loadScript('commit-config') };

const HASHES = OBJECT_KINDS.map((kind) => configKey(LIST_OF[kind]));

/** Entries the audit stream keeps, about. */
export const AUDIT_ENTRIES = 10_000;

/** One object written or, without `json`, removed. */
export interface ConfigChange {
  readonly kind: ObjectKind;
  readonly name: string;
  readonly json: string | undefined;
}

/** Reads the whole configuration as of one moment. */
export async function readConfig(client: Redis, reader: ConfigReader, log: Logger): Promise<ConfigState> {
  const reply = await runScript(client, scripts.read, [CONFIG_KEYS.version, ...HASHES], []);
  const [versionText, ...hashes] = listOf(reply);
  const version = wholeOf(versionText);
  if (version === undefined) {
    badInput.note('config', CONFIG_KEYS.version);
    throw new BadReplyError('read-config');
  }
  return reader.read(version, hashes.map(listOf) as string[][], ({ kind, name: object, reason }) => {
    badInput.note('config', CONFIG_KEYS.version);
    log.error({ kind, object, reason }, 'an object of the configuration is left out');
  });
}

/**
 * The version that a write on top of `base` makes. Versions only grow, also past a Redis that has lost its data and starts
 * anew: hence the clock, and not a counter.
 */
export function nextVersion(base: number): number {
  return Math.max(base + 1, Date.now());
}

export interface ConfigCommit {
  /** The version that the changes were made from. */
  readonly base: number;
  /** What nextVersion(base) said; the changed objects carry it as their revision. */
  readonly version: number;
  readonly changes: readonly ConfigChange[];
  /** JSON. */
  readonly audit: string;
}

/**
 * Writes all changes or none. Resolves with false when somebody has written since `base`: read again and decide anew.
 * Rejects with the server's error, or with the connection's: then nobody knows whether it was written.
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

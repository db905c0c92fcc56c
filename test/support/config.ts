import { request } from 'node:http';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { z } from 'zod';
import {
  LIST_OF,
  OBJECT_KINDS,
  OBJECT_SCHEMAS,
  type ObjectKind,
} from '../../router-core/config/object-kinds.ts';
import { createToken, type StoredToken, type TokenKind } from '../../router-core/config/token.ts';
import type { HubConfig } from '../../router-core/hub/settings.ts';
import { commitConfig, nextVersion, type ConfigChange } from '../../router-core/redis/config/config-store.ts';
import { agentCardKey, CONFIG_KEYS } from '../../router-core/redis/scripts/keys.ts';
import type { Logger } from '../../router-core/runtime/logger.ts';
import { withRedis } from './parts.ts';
import { startTestHub, type TestHub } from './router.ts';

type Input<K extends ObjectKind> = z.input<(typeof OBJECT_SCHEMAS)[K]>;
interface Tokens {
  tokens?: readonly StoredToken[];
}

/** Objects as people write them; what is left out has its default. */
export interface ConfigInput {
  groups?: Input<'group'>[];
  routes?: Input<'route'>[];
  apps?: (Input<'app'> & Tokens)[];
  agents?: (Input<'agent'> & Tokens)[];
  /** Texts that the store would never have written. */
  texts?: { kind: ObjectKind; name: string; json: string }[];
  removed?: { kind: ObjectKind; name: string }[];
}

/** Writes objects over those of the same name, as router-api does. Resolves with the new version. */
export function configure(redisUrl: string, input: ConfigInput): Promise<number> {
  return withRedis(redisUrl, (client) => configureOn(client, input));
}

async function configureOn(client: Redis, input: ConfigInput): Promise<number> {
  const base = Number((await client.get(CONFIG_KEYS.version)) ?? '0');
  const version = nextVersion(base);
  for (const { name: agent, group, concurrency = 0, scopes = [], tokens = [] } of input.agents ?? []) {
    const card = JSON.stringify({ agent, group, concurrency, scopes });
    for (const { id } of tokens) await client.set(agentCardKey(id), card);
  }
  const changes = changesOf(input, version);
  if (!(await commitConfig(client, { base, version, changes, audit: '{}' }))) {
    throw new Error('somebody else has changed the configuration');
  }
  return version;
}

function changesOf(input: ConfigInput, version: number): ConfigChange[] {
  const at = new Date().toISOString();
  const written = OBJECT_KINDS.flatMap((kind) => {
    const objects: readonly (object & Tokens)[] = kind === 'admin' ? [] : (input[LIST_OF[kind]] ?? []);
    return objects.map(({ tokens, ...fields }): ConfigChange => {
      const object = OBJECT_SCHEMAS[kind].parse(fields);
      const hasTokens = kind !== 'group' && kind !== 'route';
      const stored = { ...object, revision: version, createdAt: at, updatedAt: at };
      const json = JSON.stringify(hasTokens ? { ...stored, tokens: tokens ?? [] } : stored);
      return { kind, name: object.name, json };
    });
  });
  const removed = (input.removed ?? []).map((each) => ({ ...each, json: undefined }));
  return [...written, ...(input.texts ?? []), ...removed];
}

/** A token and what the store keeps of it. */
export function newToken(
  kind: TokenKind,
  { expiresAt = null }: { expiresAt?: string | null } = {},
): { token: string; stored: StoredToken } {
  const { token, stored } = createToken(kind, new Date().toISOString());
  return { token, stored: { ...stored, expiresAt } };
}

/** A point in time so many ms from now. */
export const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

/** A hub whose groups and routes are those of the configuration. Ends with the test. */
export async function configuredHub(
  redisUrl: string,
  config: Partial<HubConfig> = {},
  log?: Logger,
): Promise<TestHub> {
  const hub = await startTestHub(redisUrl, '', { groups: [], drainMs: 600, ...config }, log);
  onTestFinished(() => hub.close());
  return hub;
}

interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A log whose lines can be looked at. */
export function recordLog(): { log: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const log = pino({ level: 'debug' }, { write: (line) => lines.push(JSON.parse(line) as LogLine) });
  return { log, lines };
}

export const LOG_ERROR = 50;

/** Makes the hub take another name for the client's Host. */
export function askAs(
  url: string,
  {
    path,
    host,
    method = 'GET',
    headers = {},
  }: { path: string; host?: string; method?: string; headers?: object },
): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const all = { ...headers, ...(host === undefined ? {} : { host }) };
    const req = request({ hostname, port, path, method, headers: all, agent: false }, (res) => {
      let body = '';
      res.setEncoding('utf8').on('data', (text: string) => (body += text));
      res.on('end', () => resolve({ status: res.statusCode ?? 0, body }));
    });
    req.on('error', reject).end();
  });
}

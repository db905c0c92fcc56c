import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Command, type Redis } from 'ioredis';

/** A Lua file of `lua/`, its includes resolved. */
export interface Script {
  readonly name: string;
  readonly source: string;
  readonly sha: string;
}

type Argument = string | number | Buffer;

const INCLUDE = /^--!include (\S+)$/gm;

function read(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8').trimEnd();
}

/** Loads `lua/<name>.lua` and what it includes. Throws when a file is missing: a broken installation. */
export function loadScript(name: string): Script {
  const source = read(name).replace(INCLUDE, (_line, included: string) => read(included));
  return { name, source, sha: createHash('sha1').update(source).digest('hex') };
}

/**
 * Runs a script by its hash, by its text when the server does not know it (NOSCRIPT: first use, restart, failover).
 * Replies are strings, numbers and arrays of them. Rejects with the server's error.
 */
export async function runScript(
  redis: Redis,
  script: Script,
  keys: string[],
  args: Argument[],
): Promise<unknown> {
  try {
    return await send(redis, 'evalsha', script.sha, keys, args);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return send(redis, 'eval', script.source, keys, args);
  }
}

function send(redis: Redis, name: string, text: string, keys: string[], args: Argument[]): Promise<unknown> {
  // `Command` and not `redis.evalsha()`: saves flattening hundreds of arguments.
  const command = new Command(name, [text, keys.length, ...keys, ...args], { replyEncoding: 'utf8' });
  return redis.sendCommand(command) as Promise<unknown>;
}

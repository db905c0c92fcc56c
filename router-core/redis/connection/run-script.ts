import { createHash } from 'node:crypto';
import { Command, type Redis } from 'ioredis';
import { Histogram, SHORT_BOUNDS_MS } from '../../runtime/histogram.ts';
import { readSourceFile } from '../../runtime/source-files.ts';
import { isScriptMissing } from './connection.ts';
import { provideScript } from './missing-scripts.ts';

/** A Lua file of `scripts/` with its includes. */
export interface ScriptText {
  readonly name: string;
  readonly source: string;
  readonly sha: string;
}

export interface Script extends ScriptText {
  /** Time that Redis took to answer calls, as this process sees it; failed calls do not count. */
  readonly roundTrip: Histogram;
}

/** All scripts that this process may run. */
export const loadedScripts: Script[] = [];

type Argument = string | number | Buffer;

/** XADD fails like this for an entry that is there already, and for one behind a fence: the script tells them apart. */
const IN_PLACE = /equal or smaller/;

const INCLUDE = /^ *--!include (\S+)$/gm;

function read(name: string): string {
  const text = readSourceFile(`router-core/redis/scripts/${name}.lua`).trimEnd();
  return text.replace(INCLUDE, (_line, included: string) => read(included));
}

/** Reads `scripts/<name>.lua` and its includes. Throws when a file is missing: the installation is broken. */
export function readScript(name: string): ScriptText {
  const source = read(name);
  return { name, source, sha: createHash('sha1').update(source).digest('hex') };
}

/** The same, for a process that runs it. */
export function loadScript(name: string): Script {
  const script = { ...readScript(name), roundTrip: new Histogram(SHORT_BOUNDS_MS) };
  loadedScripts.push(script);
  return script;
}

/**
 * Runs a script by its hash. When the server does not know it (NOSCRIPT: first use, restart, failover), its text is loaded
 * first; a login that may not load scripts waits a moment for a process that may, and then rejects with NOSCRIPT
 * (isServerError returns false: ask again). Commands `ahead` are one transaction with it. Replies are strings, numbers and
 * arrays of them. Rejects with the server's error, or with that of a command ahead.
 */
export async function runScript(
  redis: Redis,
  script: Script,
  keys: string[],
  args: Argument[],
  ahead: readonly Command[] = [],
): Promise<unknown> {
  try {
    const sentAt = performance.now();
    const call = new ScriptCommand('evalsha', [script.sha, keys.length, ...keys, ...args]);
    const reply = await (ahead.length > 0 ? transaction(redis, ahead, call) : redis.sendCommand(call));
    script.roundTrip.observe(performance.now() - sentAt);
    return reply;
  } catch (error) {
    if (!isScriptMissing(error)) throw error;
    await provideScript(redis, script);
    // The commands ahead have run.
    return redis.sendCommand(new ScriptCommand('evalsha', [script.sha, keys.length, ...keys, ...args]));
  }
}

/** Resolves with the reply of the last command. */
async function transaction(redis: Redis, ahead: readonly Command[], last: Command): Promise<unknown> {
  const commands = [new Command('multi'), ...ahead, last, new Command('exec', [], { replyEncoding: 'utf8' })];
  const sent = await Promise.allSettled(commands.map((command) => redis.sendCommand(command)));
  const unsent = sent.find((reply) => reply.status === 'rejected');
  if (unsent) throw unsent.reason;
  const replies = (sent.at(-1) as PromiseFulfilledResult<unknown[]>).value;
  const failed = replies.find((reply) => reply instanceof Error && !IN_PLACE.test(reply.message));
  if (failed) throw failed as Error;
  return replies.at(-1);
}

/**
 * A script call has hundreds of arguments. ioredis flattens, converts and encodes them piece by piece, which costs as much as
 * the rest of the call; here they are encoded once, into one buffer.
 */
class ScriptCommand extends Command {
  constructor(name: string, args: Argument[]) {
    super(name, [], { replyEncoding: 'utf8' });
    this.args = args as typeof this.args;
  }

  override stringifyArguments(): void {
    // Numbers are left to encodeCommand().
  }

  override toWritable(): Buffer {
    return encodeCommand(this.name, this.args as Argument[]);
  }
}

/** Encodes a command for Redis (RESP2): an array of bulk strings, of which `more` follow. Text is UTF-8. */
export function encodeCommand(name: string, args: readonly Argument[], more = 0): Buffer {
  const pieces: (string | Buffer)[] = [];
  let text = `*${args.length + 1 + more}\r\n$${name.length}\r\n${name}\r\n`;
  let bytes = 0;
  for (const arg of args) {
    if (typeof arg === 'object') {
      text += `$${arg.length}\r\n`;
      pieces.push(text, arg);
      bytes += Buffer.byteLength(text) + arg.length;
      text = '\r\n';
    } else {
      const value = String(arg);
      text += `$${Buffer.byteLength(value)}\r\n${value}\r\n`;
    }
  }
  const out = Buffer.allocUnsafe(bytes + Buffer.byteLength(text));
  let at = 0;
  for (const piece of pieces) {
    at += typeof piece === 'string' ? out.write(piece, at) : piece.copy(out, at);
  }
  out.write(text, at);
  return out;
}

import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { sleep } from '../../../router-core/runtime/backoff.ts';
import { readScript } from '../../../router-core/redis/connection/run-script.ts';
import { AGENT_SCRIPTS } from '../../../router-core/redis/scripts/agent-scripts.ts';
import { provisionAgentLogins } from '../../../router-core/redis/control/logins/provision-agent-logins.ts';
import { pickOne } from '../../support/random.ts';
import { newLogin, urlAs } from '../../support/agent-logins.ts';
import { inPieces, metaOf, rawFrame, wholeReply } from '../../security/support/by-hand.ts';
import { thiefWith, type Thief } from '../../security/support/thief.ts';
import type { World } from './world.ts';

/** The arguments of one act. `hub`: one of the live hubs. */
interface Scene {
  readonly thief: Thief;
  readonly random: () => number;
  readonly hub: string;
}

const MIB = 1024 * 1024;
const HUGE = ['9007199254740991', '1e300', '-1', 'nan', 'inf', '0x7fffffff', ''];
const numbered = (count: number) => Array.from({ length: count }, (_each, i) => `ghost-${i}`);

/** Each is bounded: floods and memory of a Redis that is shared are what docs/security.md says is left to a thief. */
const ACTS: Record<string, (scene: Scene) => Promise<unknown>> = {
  'garbage to a hub': async ({ thief, random, hub }) => {
    const channel = thief.keys.hubChannel(hub);
    for (let i = 0; i < 50; i++) {
      await thief.ring(channel, randomBytes(1 + Math.floor(random() * 2_000)));
      const [bits, attempt] = [Math.floor(random() * 256), Math.floor(random() * 65_536)];
      const lie = { bits, attempt, length: Math.floor(random() * 100), idLength: Math.floor(random() * 256) };
      await thief.ring(channel, rawFrame({ ...lie, id: `${hub}-1`, parts: randomBytes(20) }));
    }
  },
  'a flood of doorbells': async ({ thief, hub }) => {
    const bell = rawFrame({ id: `${hub}-1` });
    await inPieces(numbered(3_000), (piece) =>
      Promise.all(piece.map(() => thief.ring(thief.keys.hubChannel(hub), bell))),
    );
  },
  '8,000 lanes': ({ thief: { client, keys } }) =>
    client.hset(keys.lanes, Object.fromEntries(numbered(8_000).map((_name, i) => [`${i + 9}`, 1]))),
  'huge entries': async ({ thief: { client, keys }, random, hub }) => {
    const payload = Buffer.alloc(Math.floor(random() * 2 * MIB), 1);
    const meta = metaOf({ id: `${hub}-x${random()}`, hub, deadline: Date.now() + 5_000 });
    for (const stream of [keys.waiting, keys.lane('0')]) await client.xadd(stream, '*', meta, payload);
    await client.hset(keys.reports, 'ghost', payload);
  },
  'lies in settings': ({ thief: { client, keys }, random }) => {
    const lie = () => pickOne(HUGE, random);
    const fields = ['version', 'concurrency', 'paused', 'lease', 'beat', 'grace', 'born'];
    return client.hset(keys.settings, Object.fromEntries(fields.map((field) => [field, lie()])));
  },
  permits: ({ thief: { client, keys } }) =>
    client.zadd(keys.permits, ...numbered(5_000).flatMap((name) => ['9e15', `${name}:1`])),
  ghosts: async ({ thief: { client, keys } }) => {
    for (const name of numbered(50)) {
      await client.zadd(keys.instances, '9e15', name);
      await client.hset(keys.slots, name, '0 100 -');
    }
    await client.zadd(keys.hubs, '9e15', 'ghost');
    await client.hset(keys.lanes, '0', '2000000');
  },
  consumers: ({ thief: { client, keys } }) =>
    inPieces(numbered(3_000), (piece) =>
      client
        .pipeline(
          piece.map((name) => ['xreadgroup', 'GROUP', 'agents', name, 'STREAMS', keys.lane('0'), '>']),
        )
        .exec(),
    ),
  'foreign entries': ({ thief: { client, keys }, hub }) =>
    inPieces(numbered(2_000), (piece) =>
      client
        .pipeline(
          piece.map((name) => ['xadd', keys.waiting, '*', metaOf({ id: `${hub}-${name}`, hub }), 'x']),
        )
        .exec(),
    ),
  'scripts with numbers': async ({ thief: { client, keys }, random }) => {
    const names = [keys.waiting, keys.redelivery, keys.lanes, keys.permits, keys.settings, keys.hubs];
    for (const script of AGENT_SCRIPTS) {
      const args = Array.from({ length: 20 }, () => pickOne(HUGE, random));
      const { sha } = readScript(script);
      await client.evalsha(sha, 8, ...names, keys.lane('0'), keys.slots, ...args).catch(() => undefined);
    }
  },
  'wrong answers': async ({ thief, random }) => {
    for (const request of await thief.pull(4, 300)) {
      const { instance } = thief;
      const lines = pickOne([['Content-Length: 2'], ['X: a\u0001'], ['Transfer-Encoding: gzip'], []], random);
      if (random() < 0.5) await thief.reply(request, [wholeReply(instance, lines, 'stolen '.repeat(50))]);
      else await thief.replyRaw(request, Math.floor(random() * 5), randomBytes(200));
      if (random() < 0.5) await thief.settle(request);
    }
  },
  'wrong types': async ({ thief: { client, keys }, random }) => {
    const key = pickOne([keys.waiting, keys.permits, keys.lanes, keys.slots, keys.settings], random);
    await client.pexpire(key, 1);
    await sleep(5);
    await client.zadd(key, 1, 'a').catch(() => client.hset(key, 'a', 'b'));
  },
  'nothing left': ({ thief: { client, keys } }) =>
    Promise.all(
      [keys.waiting, keys.redelivery, keys.lane('0'), keys.lanes, keys.permits, keys.reports, keys.settings]
        .concat(keys.slots, keys.instances, keys.hubs)
        .map((key) => client.pexpire(key, 1)),
    ),
};

/** The holder of a token of this group does one thing after the other until `signal`. Resolves with what was done. */
export async function thieve(
  { redis, record }: World,
  group: string,
  random: () => number,
  signal: AbortSignal,
): Promise<string[]> {
  const login = newLogin(group);
  // A server that was restarted has forgotten its users.
  const admin = new Redis(redis.url, { protocol: 2 });
  admin.on('error', () => undefined);
  onTestFinished(() => admin.disconnect());
  const letIn = () => provisionAgentLogins([admin], [login]);
  await letIn();
  const thief = thiefWith(urlAs(redis, login.user, login.token), login);
  await thief.join(8);
  const done: string[] = [];
  while (!signal.aborted) {
    const name = pickOne(Object.keys(ACTS), random);
    const act = async () => {
      await letIn();
      // A thief hears of the names of hubs with each request of its group.
      const hub = pickOne(await admin.zrange(thief.keys.hubs, '0', '-1'), random) ?? 'none';
      await ACTS[name]?.({ thief, random, hub });
      // Half of what it does stays for whatever comes next.
      if (random() < 0.5) await ACTS['nothing left']?.({ thief, random, hub });
      done.push(name);
    };
    // Redis may be away, or refuse what it is asked.
    await Promise.race([
      act().catch((error: unknown) => record.noteFault(`thief: ${name}: ${String(error)}`)),
      sleep(4_000),
    ]);
    await sleep(random() * 300, signal);
  }
  return done;
}

import type { Redis } from 'ioredis';
import { sleep } from '../../runtime/backoff.ts';
import type { GroupKeys } from '../scripts/keys.ts';
import { leaseOf, listOf, wholeOf } from '../connection/reply-shape.ts';
import { loadScript, runScript } from '../connection/run-script.ts';

/** The state of its group as an instance knows it. The instance may be renewed while that is still true. */
export interface Renewal {
  readonly client: Redis;
  readonly keys: GroupKeys;
  readonly version: string;
  readonly laneCount: number;
  readonly instance: string;
  /** How long to wait for the answer: it may come over the connection of another instance, which may be dead. */
  readonly patienceMs: number;
}

export interface Renewed {
  /** Redis ms. */
  readonly now: number;
  readonly leaseMs: number;
}

/** Instances of one group that know the same state, and the reply of Redis for them. */
interface Gathering {
  readonly instances: string[];
  /** Undefined: no reply in time. */
  readonly reply: Promise<(Renewed & { readonly renewed: ReadonlySet<number> }) | undefined>;
}

const script = loadScript('renew');

/**
 * Renews instances of one process whose beats coincide with one call: a fifth of the time that heartbeats of each take in
 * Redis.
 */
export class Renewals {
  readonly #gatherings = new Map<string, Gathering>();

  /** Resolves with undefined when the instance must send a heartbeat of its own; rejects when Redis is away. */
  async renew(renewal: Renewal): Promise<Renewed | undefined> {
    const { keys, version, laneCount, instance } = renewal;
    const about = `${keys.prefix} ${version} ${laneCount}`;
    const gathering = this.#gatherings.get(about) ?? this.#gather(about, renewal);
    const number = gathering.instances.push(instance);
    const reply = await gathering.reply;
    return reply?.renewed.has(number) ? reply : undefined;
  }

  #gather(about: string, { client, keys, version, laneCount, patienceMs }: Renewal): Gathering {
    const instances: string[] = [];
    const ask = async () => {
      await new Promise<void>((resolve) => setImmediate(resolve));
      this.#gatherings.delete(about);
      const args = [version, laneCount, ...instances];
      const reply = await runScript(client, script, [keys.settings, keys.lanes, keys.instances], args);
      return decodeRenewal(reply);
    };
    const gathering = { instances, reply: within(patienceMs, ask()) };
    this.#gatherings.set(about, gathering);
    return gathering;
  }
}

/** Undefined for a reply that renew.lua does not make. */
export function decodeRenewal(
  reply: unknown,
): (Renewed & { readonly renewed: ReadonlySet<number> }) | undefined {
  const [nowText, lease, ...numbers] = listOf(reply);
  const now = wholeOf(nowText);
  const leaseMs = leaseOf(lease);
  if (now === undefined || leaseMs === undefined) return undefined;
  return { now, leaseMs, renewed: new Set(numbers.filter((each) => typeof each === 'number')) };
}

/** The value of the promise, or undefined when it takes longer. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const settled = new AbortController();
  try {
    return await Promise.race([promise, sleep(ms, settled.signal).then(() => undefined)]);
  } finally {
    settled.abort();
  }
}

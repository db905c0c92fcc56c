import type { AgentPorts } from '../exchange/agent-link.ts';
import { sleep } from '../runtime/backoff.ts';
import type { Logger } from '../runtime/logger.ts';
import type { MetricSource } from '../runtime/metrics.ts';
import { retry } from '../runtime/retry.ts';
import { agentMetrics } from './agent-metrics.ts';
import type { AgentConfig } from './settings.ts';
import { watchHardware } from './hardware.ts';
import { Instance } from './instance.ts';
import type { UpstreamTls } from './upstream/dialer.ts';

export interface Agent {
  /** Resolves when every instance pulls; rejects with UnsuitableEngineError when Redis would lose requests. */
  readonly joined: Promise<void>;
  readonly metrics: MetricSource;
  /** Stops pulling, waits for running requests (at most `mostMs`), and leaves. */
  close(mostMs?: number): Promise<void>;
}

/** The identity of all instances of an agent: from its record when it has a token, else from its flags. */
export interface AgentIdentity {
  readonly group: string;
  /** Slots that each instance offers. */
  readonly concurrency: number;
  readonly scopes: readonly string[];
  /** Name of the agent record, and id of the token. */
  readonly record: string | undefined;
  readonly tokenId: string | undefined;
}

/** Pause before an instance whose record has changed starts again, ms: its new login may come a moment after its card. */
const MOVE_PAUSE_MS = { minMs: 500, maxMs: 5_000 };

export interface AgentOptions {
  readonly config: AgentConfig;
  readonly upstreamTls?: UpstreamTls | undefined;
  readonly ports: AgentPorts;
  /** The agent record is to drain. */
  readonly onDraining?: () => void;
  readonly log: Logger;
}

/** Starts an instance per upstream: independent of each other, in one process. */
export function startAgent({ config, upstreamTls, ports, onDraining = () => {}, log }: AgentOptions): Agent {
  const closing = new AbortController();
  const instances = new Map<string, Instance>();
  const { createLink, identitySource } = ports;
  const onChange = () => instances.forEach((instance) => instance.onHardwareChange());
  const machine = config.reportHardware ? watchHardware({ onChange, log }) : undefined;
  const hardware = () => machine?.hardware;

  const launch = async (url: string, name: string, identity: AgentIdentity): Promise<void> => {
    const onMoved = () => void move(url, name);
    const awaitMove = async (signal: AbortSignal) =>
      (await identitySource?.whenMoved(identity.group, signal)) === true;
    const about = { config, upstreamTls, identity, url, name, createLink, hardware };
    const instance = new Instance({ ...about, onDraining, onMoved, awaitMove, log });
    instances.set(name, instance);
    await instance.start();
  };
  // The record has another group or other scopes: running requests finish in the old place, then the instance joins the new
  // one.
  const move = async (url: string, name: string): Promise<void> => {
    log.info({ name }, 'the agent record has changed, joining again');
    const { signal } = closing;
    await instances.get(name)?.close();
    await sleep(MOVE_PAUSE_MS.minMs, signal);
    const relaunch = async (): Promise<void> => {
      // An instance that could not join still has connections.
      await instances.get(name)?.close();
      const identity = await identify(config, ports, signal);
      if (identity && !signal.aborted) await launch(url, name, identity);
    };
    const onFailure = (err: unknown) => log.error({ err, name }, 'could not join, trying again');
    await retry(relaunch, { signal, ...MOVE_PAUSE_MS, onFailure });
  };
  const start = async () => {
    const identity = await identify(config, ports, closing.signal);
    if (!identity || closing.signal.aborted) return;
    const several = config.upstreams.length > 1;
    const starting = config.upstreams.map((url, i) => {
      return launch(url, several ? `${config.name}-${i + 1}` : config.name, identity);
    });
    await Promise.all(starting);
  };
  return {
    joined: start(),
    metrics: agentMetrics(() => [...instances.values()].map(({ state }) => state)),
    close: async (mostMs) => {
      closing.abort();
      machine?.close();
      await Promise.all([...instances.values()].map((instance) => instance.close(mostMs)));
    },
  };
}

/** Undefined when the agent is stopped before its identity is known. */
async function identify(
  { group, concurrency }: AgentConfig,
  { identitySource }: AgentPorts,
  signal: AbortSignal,
): Promise<AgentIdentity | undefined> {
  if (!identitySource) {
    return { group, concurrency: concurrency ?? 1, scopes: [], record: undefined, tokenId: undefined };
  }
  const recorded = await identitySource.identify(signal);
  return recorded && { ...recorded, concurrency: concurrency ?? (recorded.concurrency || 1) };
}

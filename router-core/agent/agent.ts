import type { Logger } from '../runtime/logger.ts';
import type { AgentConfig } from './config.ts';
import { Instance } from './instance.ts';

export interface Agent {
  /** Resolves when every instance pulls; rejects with UnsuitableEngineError when Redis would lose requests. */
  readonly joined: Promise<void>;
  /** Drains and leaves. */
  close(): Promise<void>;
}

/** Starts an instance per upstream: independent of each other, in one process. */
export function startAgent(config: AgentConfig, log: Logger): Agent {
  const several = config.upstreams.length > 1;
  const instances = config.upstreams.map((url, i) => {
    return new Instance(config, url, several ? `${config.name}-${i + 1}` : config.name, log);
  });
  return {
    joined: Promise.all(instances.map((instance) => instance.start())).then(() => undefined),
    close: async () => {
      await Promise.all(instances.map((instance) => instance.close()));
    },
  };
}

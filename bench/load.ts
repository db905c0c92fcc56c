/** The result of one measurement of one target, before CPU and memory are added. */
export interface Load {
  /** req/s, events/s or MB/s (10⁶ bytes), as the scenario's kind says. */
  readonly rate: number;
  /** The divisor of CPU time: requests, events or MB. */
  readonly units: number;
  /** Latency of a request, or time to the first event; null for transfers. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** From the write of an event at the upstream to its arrival at the client; null except for events. */
  readonly delayP50Ms: number | null;
  readonly delayP99Ms: number | null;
  /** Answers that were not 2xx, broken connections, wrong lengths. Any makes the run invalid. */
  readonly errors: number;
  readonly errorDetail: string;
}

export function percentile(sorted: readonly number[], share: number): number {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return value ?? Number.NaN;
}

export function isLoad(value: unknown): value is Load {
  return (
    typeof value === 'object' && value !== null && 'rate' in value && 'units' in value && 'errors' in value
  );
}

/** The clients in bench/processes/ print their `Load` as one line of JSON. */
export function parseLoad(line: string): Load {
  const value: unknown = JSON.parse(line);
  if (!isLoad(value)) throw new Error(`not a measurement: ${line.slice(0, 200)}`);
  return value;
}

/** Reads what `wrk --latency` prints. */
import type { Load } from './load.ts';

const msPerUnit: Readonly<Record<string, number>> = { us: 1e-3, ms: 1, s: 1e3, m: 6e4, h: 3.6e6 };

/** `588.00us`, `1.60ms`, `2.10s` → milliseconds. */
export function parseWrkTime(text: string): number {
  const found = /^([\d.]+)(us|ms|s|m|h)$/.exec(text.trim());
  const scale = msPerUnit[found?.[2] ?? ''];
  if (found === null || scale === undefined) throw new Error(`not a time of wrk: ${text}`);
  return Number(found[1]) * scale;
}

function required(output: string, what: RegExp): string {
  const found = what.exec(output)?.[1];
  if (found === undefined)
    throw new Error(`unexpected output of wrk, no ${String(what)} in:\n${output.slice(0, 2_000)}`);
  return found;
}

/** wrk leaves both lines out when there is nothing to say. */
function parseErrors(output: string): { errors: number; errorDetail: string } {
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output);
  const statuses = /Non-2xx or 3xx responses: (\d+)/.exec(output);
  const counts = [...(sockets?.slice(1) ?? []), ...(statuses?.slice(1) ?? [])].map(Number);
  return {
    errors: counts.reduce((sum, count) => sum + count, 0),
    errorDetail: [sockets?.[0], statuses?.[0]].filter((line) => line !== undefined).join('; '),
  };
}

export function parseWrk(output: string): Load {
  return {
    rate: Number(required(output, /^Requests\/sec:\s+([\d.]+)$/m)),
    units: Number(required(output, /^\s*(\d+) requests in /m)),
    p50Ms: parseWrkTime(required(output, /^\s+50%\s+(\S+)$/m)),
    p99Ms: parseWrkTime(required(output, /^\s+99%\s+(\S+)$/m)),
    delayP50Ms: null,
    delayP99Ms: null,
    ...parseErrors(output),
  };
}

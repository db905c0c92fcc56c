const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** `3m`, `2h`, `15d`: the largest unit of at least one, rounded down. */
function roughly(ms: number): string {
  for (const [unit, size] of UNITS) {
    if (ms >= size) return `${Math.floor(ms / size)}${unit}`;
  }
  return 'now';
}

const SHORT_MS = 30_000;

/** A time in words: `3m ago`, `in 89d`. Empty for none. */
export function timeInWords(iso: unknown, nowMs = Date.now()): string {
  const at = typeof iso === 'string' ? Date.parse(iso) : NaN;
  if (Number.isNaN(at)) return '';
  // A time that was set to 90 days a moment ago should show as 90 days.
  const text = at > nowMs ? roughly(at - nowMs + SHORT_MS) : roughly(nowMs - at);
  if (text === 'now') return text;
  return at > nowMs ? `in ${text}` : `${text} ago`;
}

/** Milliseconds in the format of flags: `250ms`, `30s`, `1h`, exact. */
export function durationInWords(ms: unknown): string {
  if (typeof ms !== 'number') return '';
  if (ms === 0) return '0';
  for (const [unit, size] of UNITS) {
    if (ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

/** A duration so far: `840ms`, `3s`, `2m`. */
export function elapsed(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)}ms` : roughly(ms);
}

/** An estimate with two digits: `0.4ms`, `38ms`, `1.2s`, `3.5m`. Empty for none. */
export function latencyInWords(ms: number | null): string {
  if (ms === null) return '';
  if (ms < 999.5) return `${twoDigits(ms)}ms`;
  return ms < 99_500 ? `${twoDigits(ms / 1_000)}s` : `${twoDigits(ms / 60_000)}m`;
}

function twoDigits(value: number): string {
  return value < 9.95 ? value.toFixed(1) : String(Math.round(value));
}

/** Bytes in the format of flags: `64KiB`, `100MiB`. */
export function sizeInWords(bytes: unknown): string {
  if (typeof bytes !== 'number') return '';
  if (bytes === 0) return '0';
  const units = ['', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let value = bytes;
  while (value % 1024 === 0 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value}${units[unit]}`;
}

/** The memory of a machine, rounded: what its system keeps for itself makes it an odd number. `24 GiB`, `512 MiB`. */
export function memoryInWords(bytes: number): string {
  const gibibytes = bytes / 2 ** 30;
  return gibibytes >= 1 ? `${twoDigits(gibibytes)} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;
}

/** `1 hub`, `2 hubs`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

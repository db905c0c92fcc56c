import { z } from 'zod';
import { parseStoreUrl } from './store-url.ts';
import { parseUpstreamUrl } from './upstream-url.ts';

/**
 * The kinds of values of flags and `ROUTER_…` variables. Each is a zod type from text to a value in one unit (milliseconds,
 * bytes); its error is one line that says what was expected.
 */
export type OptionType<T> = z.ZodType<T, string>;

/** Node's timers hold 31 bits: a longer delay would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const MS_PER_UNIT = new Map(Object.entries({ ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }));

const BYTES_PER_UNIT = new Map(
  Object.entries({
    b: 1,
    kb: 1e3,
    mb: 1e6,
    gb: 1e9,
    tb: 1e12,
    kib: 2 ** 10,
    mib: 2 ** 20,
    gib: 2 ** 30,
    tib: 2 ** 40,
  }),
);

const SWITCH_WORDS = new Map([
  ['true', true],
  ['false', false],
  ['1', true],
  ['0', false],
]);

/** `250ms`, `30s`, `5m`, `1h`, `1d` → milliseconds. A bare number other than 0 is refused, because its unit is unclear. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const ms = Math.round(Number(digits) * (MS_PER_UNIT.get(unit) ?? NaN));
  return ms <= LONGEST_TIMER_MS ? ms : undefined;
}

/** `64KiB`, `100MiB`, `1.5GiB`, `10MB`, `4096` → bytes. */
export function parseSize(text: string): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text) ?? [];
  const factor = BYTES_PER_UNIT.get(unit?.toLowerCase() || 'b');
  if (digits === undefined || factor === undefined) return undefined;
  const bytes = Math.round(Number(digits) * factor);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

export function duration({ atLeastMs = 0 } = {}): OptionType<number> {
  const limit = atLeastMs === 0 ? '' : `, at least ${atLeastMs}ms`;
  return fromText(`a duration such as 250ms, 30s or 1h${limit} (24d at most)`, (text) => {
    const ms = parseDuration(text);
    return ms !== undefined && ms >= atLeastMs ? ms : undefined;
  });
}

export function size(): OptionType<number> {
  return fromText('a size such as 64KiB, 100MiB or 1GB', parseSize);
}

export function count({ from, to = Number.MAX_SAFE_INTEGER }: { from: number; to?: number }) {
  const range = to === Number.MAX_SAFE_INTEGER ? `${from} or more` : `${from} to ${to}`;
  return fromText(`a whole number, ${range}`, (text) => wholeNumber(text, { from, to }));
}

/** Port 0 stands for any free port. */
export function port(): OptionType<number> {
  return fromText('a port (0 to 65535; 0 takes any free one)', (text) =>
    wholeNumber(text, { from: 0, to: 65_535 }),
  );
}

export function flag(): OptionType<boolean> {
  return fromText('true or false', (text) => SWITCH_WORDS.get(text.toLowerCase()));
}

export function oneOf<const T extends string>(choices: readonly T[]): OptionType<T> {
  return fromText(`one of ${choices.join(', ')}`, (text) => choices.find((choice) => choice === text));
}

export function matching(pattern: RegExp, expected: string): OptionType<string> {
  return fromText(expected, (text) => (pattern.test(text) ? text : undefined));
}

/** Errors never repeat the value: a Redis URL may contain a password. */
export function redisUrl(): OptionType<string> {
  return secretFromText(
    'a URL such as redis://host:6379 or rediss://user:password@host:6379/0, ' +
      'redis+sentinel://host:26379,host:26379/master, redis+cluster://host:6379,host:6379 ' +
      'or unix:///run/redis/redis.sock',
    (text) => (parseStoreUrl(text) === undefined ? undefined : text),
  );
}

/** A password or a key. Errors never repeat it. */
export function secret(): OptionType<string> {
  return secretFromText('a text', (text) => (text === '' ? undefined : text));
}

/** The token of an agent. Errors never repeat it. Only Redis knows if it is valid. */
export function agentToken(): OptionType<string> {
  return secretFromText('an agent token such as mr_agent_<id>_<secret>_<checksum>', (text) =>
    /^mr_agent_[0-9A-Za-z]+_[0-9A-Za-z]+_[0-9A-Za-z]+$/.test(text) ? text : undefined,
  );
}

/**
 * The address of a service, perhaps with a base path. No credentials (they would end up in logs; use `--set-header`), and
 * neither query nor fragment, which cannot be joined with the path of a request.
 */
export function httpUrl(): OptionType<string> {
  return secretFromText(
    'a URL such as http://host:8000 or https://host/base (no user, query or #)',
    (text) => {
      const url = urlWith(['http:', 'https:'], text);
      const plain = url?.username === '' && url.password === '' && !/[?#]/.test(text);
      return plain ? text : undefined;
    },
  );
}

/** The address of an upstream: a URL as above, or a Unix socket. */
export function upstreamUrl(): OptionType<string> {
  return secretFromText(
    'a URL such as http://host:8000 or https://host/base (no user, query or #), or unix:/path/of.sock:/base',
    (text) => (parseUpstreamUrl(text) === undefined ? undefined : text),
  );
}

/** Fields that frame a message or belong to one hop: setting them by hand would corrupt requests (RFC 9110 §7.6.1). */
const FRAMING_FIELDS =
  /^(connection|keep-alive|proxy-connection|transfer-encoding|content-length|upgrade|te|trailer)$/i;

/** `K: V` → `[K, V]`. Errors never repeat the value: it may be an API key. */
export function header(): OptionType<[name: string, value: string]> {
  return secretFromText('a header as "Name: value" (and not one that frames the message)', (text) => {
    const [, name, value] =
      /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*)$/.exec(text) ?? [];
    if (name === undefined || value === undefined || FRAMING_FIELDS.test(name)) return undefined;
    return [name, value];
  });
}

/** Makes a type of its own: `read` returns undefined for a text that is not `expected`. */
export function fromText<T>(expected: string, read: (text: string) => T | undefined): OptionType<T> {
  return refusing((text) => `${JSON.stringify(text)} is not ${expected}`, read);
}

function secretFromText<T>(expected: string, read: (text: string) => T | undefined): OptionType<T> {
  return refusing(() => `expected ${expected}`, read);
}

function refusing<T>(complain: (text: string) => string, read: (text: string) => T | undefined) {
  return z.string().transform((text, context): T => {
    const value = read(text.trim());
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: complain(text) });
    return z.NEVER;
  });
}

function wholeNumber(text: string, { from, to }: { from: number; to: number }): number | undefined {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  return value >= from && value <= to ? value : undefined;
}

function urlWith(protocols: string[], text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url && protocols.includes(url.protocol) && url.hostname !== '' ? url : undefined;
}

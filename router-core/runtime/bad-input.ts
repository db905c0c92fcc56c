import type { Logger } from './logger.ts';

/** What was read from Redis and could not be understood. */
export const BAD_INPUT_KINDS = [
  'doorbell',
  'frame',
  'entry',
  'reply',
  'lane',
  'card',
  'report',
  'row',
  'config',
] as const;
export type BadInputKind = (typeof BAD_INPUT_KINDS)[number];

const LOG_EVERY_MS = 60_000;

/** Places that are told apart within a minute: whoever invents new ones without end fills the log with no more lines than that. */
const MOST_PLACES = 64;

/**
 * Counts what cannot be understood, and logs it once a minute for each kind and place: a group has no say in how long the log
 * of a process that all groups share becomes.
 */
export class BadInput {
  readonly counts: Record<BadInputKind, number>;
  #log: Logger | undefined;
  #loggedAt = -Infinity;
  readonly #logged = new Set<string>();

  constructor() {
    this.counts = Object.fromEntries(BAD_INPUT_KINDS.map((kind) => [kind, 0])) as typeof this.counts;
  }

  /** Where lines go from now on. */
  logTo(log: Logger): void {
    this.#log = log;
  }

  /** `where`: the key or channel it was read from. Those of one group share a line. */
  note(kind: BadInputKind, where: string): void {
    this.counts[kind] += 1;
    const now = performance.now();
    if (now - this.#loggedAt >= LOG_EVERY_MS) {
      this.#logged.clear();
      this.#loggedAt = now;
    }
    const place = `${kind} ${where.slice(0, where.indexOf('}') + 1)}`;
    if (this.#logged.has(place) || this.#logged.size >= MOST_PLACES) return;
    this.#logged.add(place);
    const total = this.counts[kind];
    this.#log?.warn(
      { kind, where: where.slice(0, 200), total },
      'dropped what Redis holds and this version cannot read; said once a minute',
    );
  }
}

/** That of this process. */
export const badInput = new BadInput();

import type { Logger } from './logger.ts';

/** Kinds of data from Redis that could not be parsed. */
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

/** The most places that are logged apart within a minute: an agent that invents new ones adds no more lines than this. */
const MOST_PLACES = 64;

/**
 * Counts data that could not be parsed, and logs it once a minute for each kind and place, so that no group can flood the log
 * of a process that all groups share.
 */
export class BadInput {
  readonly counts: Record<BadInputKind, number>;
  #log: Logger | undefined;
  #loggedAt = -Infinity;
  readonly #logged = new Set<string>();

  constructor() {
    this.counts = Object.fromEntries(BAD_INPUT_KINDS.map((kind) => [kind, 0])) as typeof this.counts;
  }

  /** Sets the logger. */
  logTo(log: Logger): void {
    this.#log = log;
  }

  /** `where`: the key or channel from which it was read. Those of one group share a line. */
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
      'dropped data in Redis that this version cannot parse; logged once a minute',
    );
  }
}

/** The counter of this process. */
export const badInput = new BadInput();

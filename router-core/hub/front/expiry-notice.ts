import type { Logger } from '../../runtime/logger.ts';

const DAY_MS = 86_400_000;

/** A line is written when so many days are left, and when none are. */
const DAYS = [30, 7, 1, 0];

/** Says in time that a certificate expires, once for each number of days. */
export class ExpiryNotice {
  readonly #file: string;
  readonly #log: Logger;
  #said = Infinity;

  constructor(file: string, log: Logger) {
    this.#file = file;
    this.#log = log;
  }

  /** `expiresAt` and `now`: ms since the epoch. */
  look(expiresAt: number, now = Date.now()): void {
    const due = DAYS.findLast((days) => expiresAt - now <= days * DAY_MS);
    if (due === undefined || due >= this.#said) return;
    this.#said = due;
    const entry = { certificate: this.#file, expires: new Date(expiresAt).toISOString() };
    if (due === 0) this.#log.error(entry, 'a certificate HAS EXPIRED: clients refuse this hub');
    else this.#log.warn(entry, `a certificate expires in less than ${due} ${due === 1 ? 'day' : 'days'}`);
  }

  /** Another certificate is in use: all of it counts from the start. */
  renewed(): void {
    this.#said = Infinity;
  }
}

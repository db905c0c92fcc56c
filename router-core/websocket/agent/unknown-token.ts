/** A hub knows a new token within milliseconds; one that has missed the announcement looks for it every five seconds. */
const LEARN_MS = 6_000;

/** Tells a token that has ended from one that hubs do not know yet. */
export class UnknownToken {
  #since: number | undefined;

  /** A hub has refused the token, at this time by performance.now(). Returns true when it has had the time to learn of it. */
  refused(now: number): boolean {
    this.#since ??= now;
    return now - this.#since >= LEARN_MS;
  }

  /** A hub knows the token. */
  accepted(): void {
    this.#since = undefined;
  }
}

import type { FaultOwner } from './contain-fault.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import type { Policy } from './prepare-route.ts';

/** A request that was handed over is looked for no sooner than this, ms. */
export const LEAST_LOOK_MS = 1_000;

/** When the phases of one request end: one timer for all of them, and the times that go on from phase to phase. */
export class Deadlines {
  readonly #owner: FaultOwner & { expire(): void };
  readonly #policy: Policy;
  readonly #receivedAt: number;
  readonly #timer: DeadlineTimer;
  /** When waiting for an agent ends, and when the head of the reply is due; both by performance.now(). */
  #waitEndsAt = 0;
  #headDueAt = 0;
  #isBodyDue = false;

  constructor(owner: FaultOwner & { expire(): void }, policy: Policy, receivedAt: number) {
    this.#owner = owner;
    this.#policy = policy;
    this.#receivedAt = receivedAt;
    // A request is let in, for as long as its head may take, and handed over at once: then the wait for its agent is shorter.
    const { waitMs } = policy;
    this.#timer = new DeadlineTimer(owner, waitMs > 0 ? Math.max(LEAST_LOOK_MS, waitMs) - 1 : Infinity);
  }

  /** ms until nobody awaits the reply. */
  get remainingMs(): number {
    return this.#receivedAt + this.#policy.totalMs - performance.now();
  }

  /** ms until it has waited for as long as it may. */
  get waitMs(): number {
    return this.#waitEndsAt - performance.now();
  }

  /** ms until the head of the reply is due. */
  get headMs(): number {
    return this.#headDueAt - performance.now();
  }

  /** A phase may last `ms` at most; the deadline of the whole request counts too. */
  set(ms: number, onExpire: () => unknown): void {
    const total = this.remainingMs;
    if (ms < total) this.#timer.set(ms, onExpire);
    else this.#timer.set(Math.max(1, total), () => this.#owner.expire());
  }

  /** From now on it may wait for as long as its policy says. */
  restartWait(): void {
    this.#waitEndsAt = performance.now() + this.#policy.waitMs;
  }

  restartHead(): void {
    this.#headDueAt = performance.now() + this.#policy.firstByteMs;
  }

  /**
   * The head of the reply is sent. A pause within the body is limited from its first byte on (or at once, of a connection that has
   * switched); until then the time for the head goes on: a model that streams sends its head at once and then thinks.
   */
  setForBody(hasBegun: boolean): void {
    this.#isBodyDue = !hasBegun;
    this.set(this.#pauseMs, () => this.#owner.expire());
  }

  bodyBegins(): void {
    this.#isBodyDue = false;
  }

  /** Something has moved: the idle time starts anew. */
  touch(): void {
    this.#timer.push(Math.max(1, Math.min(this.#pauseMs, this.remainingMs)));
  }

  clear(): void {
    this.#timer.clear();
  }

  get #pauseMs(): number {
    const { idleMs } = this.#policy;
    return this.#isBodyDue ? Math.max(idleMs, this.headMs) : idleMs;
  }
}

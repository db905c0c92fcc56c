import type { FaultOwner } from './contain-fault.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import type { Policy } from './prepare-route.ts';

/** The hub looks for a request that was handed over after this time at the earliest, ms. */
export const LEAST_LOOK_MS = 1_000;

/** The ends of the phases of one request: one timer for all, and the times that go on from phase to phase. */
export class Deadlines {
  readonly #owner: FaultOwner & { expire(): void };
  readonly #policy: Policy;
  readonly #receivedAt: number;
  readonly #timer: DeadlineTimer;
  /** Ends of the wait for an agent and of the wait for the head of the reply, by performance.now(). */
  #waitEndsAt = 0;
  #headDueAt = 0;
  #isBodyDue = false;

  constructor(owner: FaultOwner & { expire(): void }, policy: Policy, receivedAt: number) {
    this.#owner = owner;
    this.#policy = policy;
    this.#receivedAt = receivedAt;
    // A request is admitted, for as long as its head may take, and usually handed over at once: then its wait for an agent is shorter.
    const { waitMs } = policy;
    this.#timer = new DeadlineTimer(owner, waitMs > 0 ? Math.max(LEAST_LOOK_MS, waitMs) - 1 : Infinity);
  }

  /** ms until nobody awaits the reply. */
  get remainingMs(): number {
    return this.#receivedAt + this.#policy.totalMs - performance.now();
  }

  /** ms until the request has waited for as long as it may. */
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

  /** The request may wait for as long as its policy says, from now on. */
  restartWait(): void {
    this.#waitEndsAt = performance.now() + this.#policy.waitMs;
  }

  restartHead(): void {
    this.#headDueAt = performance.now() + this.#policy.firstByteMs;
  }

  /**
   * The head of the reply is sent. From the first byte of the body on (after a switch of protocols at once), the idle time limits
   * each pause. Until then the time for the head goes on: a model that streams sends its head at once and then thinks.
   */
  setForBody(hasBegun: boolean): void {
    this.#isBodyDue = !hasBegun;
    this.set(this.#pauseMs, () => this.#owner.expire());
  }

  bodyBegins(): void {
    this.#isBodyDue = false;
  }

  /** A byte has moved: the idle time starts anew. */
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

import type { Grant, InstanceReport } from '../../exchange/agent-link.ts';

/** What is offered on one link. */
export interface LinkOffer {
  readonly slots: number;
  readonly report: InstanceReport;
}

/** What a link may offer at most, until its hub says. */
const MOST_SLOTS = 256;

/** What was offered on a link, and what its hub has granted of it. */
export class LinkOffers {
  /** What one link may offer at most. */
  mostSlots = MOST_SLOTS;
  /** What the hub has answered last. */
  grant: Grant = { slots: 0, state: 'active' };
  /** The most slots that were ever granted: requests beyond it are no mistake of a moment. */
  mostGranted = 0;
  /** The last offer, without its number. */
  #said = '';
  #n = 0;
  #answered = 0;
  #isOver = false;
  #waiting: (() => void)[] = [];

  /** The next offer. Undefined when there is nothing new in it, unless `always`. */
  next({ slots, report }: LinkOffer, always: boolean): object | undefined {
    const { version, concurrency, inFlight, state, reason } = report;
    const about = { version, concurrency, inFlight, state, reason };
    const body = { slots: Math.min(slots, this.mostSlots), report: about };
    const text = JSON.stringify(body);
    if (!always && text === this.#said) return undefined;
    this.#said = text;
    this.#n += 1;
    return { n: this.#n, ...body };
  }

  onGrant({ n, slots, state }: Grant & { n: number }): void {
    this.#answered = n;
    this.grant = { slots, state };
    this.mostGranted = Math.max(this.mostGranted, slots);
    this.#wake();
  }

  /** Resolves when the hub has answered the last offer, or the link is over. */
  async answered(): Promise<void> {
    while (!this.#isOver && this.#answered < this.#n)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

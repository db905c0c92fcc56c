import type { Grant, InstanceReport } from '../../exchange/agent-link.ts';

/** The slots and the state that are offered on one link. */
export interface LinkOffer {
  readonly slots: number;
  readonly report: InstanceReport;
}

/** The most slots that a link may offer until its hub has told its own limit. */
const MOST_SLOTS = 256;

/** The last offer on a link, and the grant that its hub has answered. */
export class LinkOffers {
  /** The most slots that the link may offer. */
  mostSlots = MOST_SLOTS;
  /** The last answer of the hub. */
  grant: Grant = { slots: 0, state: 'active' };
  /** The most slots that were ever granted: requests beyond it are no mistake of a moment. */
  mostGranted = 0;
  /** The last offer, without its number. */
  #said = '';
  /** The labels and the hardware that were sent last. */
  #machine = '';
  #n = 0;
  #answered = 0;
  #isOver = false;
  #waiting: (() => void)[] = [];

  /** The next offer. Undefined when there is nothing new in it, unless `always`. */
  next({ slots, report }: LinkOffer, always: boolean): object | undefined {
    const { version, concurrency, inFlight, state, reason, labels, hardware } = report;
    const about = { version, concurrency, inFlight, state, reason };
    // The hub keeps these until they are sent again.
    const machine = { labels, hardware };
    const machineText = JSON.stringify(machine);
    const isNewMachine = machineText !== this.#machine;
    const body = { slots: Math.min(slots, this.mostSlots), report: about };
    const text = JSON.stringify(body);
    if (!always && !isNewMachine && text === this.#said) return undefined;
    this.#said = text;
    this.#machine = machineText;
    if (isNewMachine) Object.assign(about, machine);
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

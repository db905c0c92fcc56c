import { visibleChanges } from '../router-core/redis/config/audit-log.ts';
import type { ConfigState } from '../router-core/config/config-state.ts';
import type { ControlPlane } from '../router-core/redis/control/control-plane.ts';
import { atOnce } from '../router-core/config/steps.ts';
import { statusView } from './status.ts';

export interface FeedEvent {
  readonly name: 'change' | 'status';
  /** JSON. */
  readonly data: string;
}

type Listener = (event: FeedEvent) => void;

const STATUS_MS = 1_000;
/** A client that receives more changes at once reads all objects again anyway. */
const MOST_CHANGES = 100;

/** The events for all clients that follow: made once, however many there are, and not at all when there are none. */
export class EventFeed {
  readonly #control: ControlPlane;
  readonly #listeners = new Set<Listener>();
  #state: ConfigState | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopChanges: (() => void) | undefined;
  #isReading = false;
  #status: FeedEvent | undefined;

  constructor(control: ControlPlane) {
    this.#control = control;
  }

  get size(): number {
    return this.#listeners.size;
  }

  /** Begins with the current version. Returns a function that ends the subscription. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#start();
    if (this.#state) listener(changeEvent(this.#state, this.#state));
    // At most a second old: it is renewed as long as somebody follows.
    if (this.#status) listener(this.#status);
    else void this.#tellStatus();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#stop();
    };
  }

  #start(): void {
    this.#state = this.#control.isInformed ? this.#control.state : undefined;
    this.#stopChanges = this.#control.onChange((state) => {
      const event = changeEvent(this.#state, state);
      this.#state = state;
      this.#tell(event);
    });
    this.#timer = setInterval(() => void this.#tellStatus(), STATUS_MS);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#stopChanges?.();
    this.#status = undefined;
  }

  /** While Redis is away there is no status: clients notice that no more events come. */
  async #tellStatus(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      const live = await this.#control.status();
      const data = JSON.stringify(statusView(this.#control.state.version, live));
      this.#status = this.#listeners.size > 0 ? { name: 'status', data } : undefined;
      if (this.#status) this.#tell(this.#status);
    } catch {
      // The next second tries again.
      this.#status = undefined;
    } finally {
      this.#isReading = false;
    }
  }

  #tell(event: FeedEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** The names of the objects that changed. Clients read the objects themselves. */
function changeEvent(before: ConfigState | undefined, after: ConfigState): FeedEvent {
  const changes = before === undefined || before === after ? [] : atOnce(visibleChanges(before, after));
  const list = changes.slice(0, MOST_CHANGES).map(({ kind, name, change }) => ({ kind, name, change }));
  const isWhole = before !== undefined && changes.length <= MOST_CHANGES;
  return {
    name: 'change',
    data: JSON.stringify({ version: after.version, ...(isWhole && { changes: list }) }),
  };
}

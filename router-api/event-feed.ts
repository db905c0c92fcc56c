import type { ObjectChange } from '../router-core/config/diff-documents.ts';
import { visibleChanges } from '../router-core/redis/config/audit-log.ts';
import type { ConfigState } from '../router-core/config/config-state.ts';
import type { ControlPlane } from '../router-core/redis/control/control-plane.ts';
import { inSlices } from '../router-core/runtime/slices.ts';
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
  /** The last one that was told. */
  #state: ConfigState | undefined;
  /** Changes are told one after the other. */
  #telling: Promise<void> = Promise.resolve();
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
    if (this.#state) listener(changeEvent(this.#state.version, []));
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
      this.#telling = this.#telling.then(() => this.#tellChange(state));
    });
    this.#timer = setInterval(() => void this.#tellStatus(), STATUS_MS);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#stopChanges?.();
    this.#status = undefined;
  }

  async #tellChange(after: ConfigState): Promise<void> {
    const before = this.#state;
    const changes = before && (await inSlices(visibleChanges(before, after)));
    // Everybody has left meanwhile, and somebody else has begun with a newer one.
    if (this.#state !== before) return;
    this.#state = after;
    this.#tell(changeEvent(after.version, changes));
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
function changeEvent(version: number, changes: readonly ObjectChange[] | undefined): FeedEvent {
  const isWhole = changes !== undefined && changes.length <= MOST_CHANGES;
  const list = isWhole && { changes: changes.map(({ kind, name, change }) => ({ kind, name, change })) };
  return { name: 'change', data: JSON.stringify({ version, ...list }) };
}

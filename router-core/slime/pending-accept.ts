import { answer, type Call } from './slime-calls.ts';

/** An accept is answered at least so often, ms: proxies cut connections that are silent for 30 s. */
const WAIT_MS = 25_000;

export interface PendingAcceptOptions {
  readonly call: Call;
  /** It is over without a request. `comesBack`: its worker asks again at once. */
  readonly onOver: (accept: PendingAccept, comesBack: boolean) => void;
}

/** A worker that waits for a request: one free slot. */
export class PendingAccept {
  readonly call: Call;
  readonly #options: PendingAcceptOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #onClose = () => this.#over(false);
  #isOver = false;

  constructor(options: PendingAcceptOptions) {
    const { call } = (this.#options = options);
    this.call = call;
    this.#timer = setTimeout(() => this.sendAway(), WAIT_MS);
    call.response.once('close', this.#onClose);
    call.request.resume();
  }

  /** From now on its call belongs to a request. */
  take(): Call {
    this.#end();
    return this.call;
  }

  /** Nothing came. No status but 200 makes a worker end, and none makes it pause. */
  sendAway(): void {
    if (this.#isOver) return;
    answer(this.call, 204);
    this.#over(true);
  }

  /** The connection ends: its worker asks again, perhaps another hub. */
  turnAway(): void {
    if (this.#isOver) return;
    this.call.response.setHeader('Connection', 'close');
    answer(this.call, 204);
    this.#over(false);
  }

  #over(comesBack: boolean): void {
    if (this.#isOver) return;
    this.#end();
    this.#options.onOver(this, comesBack);
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.call.response.off('close', this.#onClose);
  }
}

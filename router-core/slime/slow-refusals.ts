import { answer, REFUSALS, type Call, type RefusalCode } from './slime-calls.ts';

/** An agent that is refused asks again at once, so it is refused slowly, ms. */
const SLOW_MS = 5_000;
/** While this hub shuts down, another one may be free. */
const AWAY_MS = 1_000;
/** Refusals that wait. Beyond, connections are cut: then an agent pauses for 100 ms. */
const MOST_WAITING = 256;

/** Refusals that are not sent at once: no agent of slime pauses between a refusal and its next call. */
export class SlowRefusals {
  readonly #waiting = new Map<Call, NodeJS.Timeout>();

  refuse(call: Call, code: RefusalCode): void {
    if (this.#waiting.size >= MOST_WAITING) return void call.request.socket.destroy();
    const send = () => {
      this.#waiting.delete(call);
      const { status, detail } = REFUSALS[code];
      call.response.setHeader('Connection', 'close');
      answer(call, status, detail);
    };
    this.#waiting.set(call, setTimeout(send, code === 'shutting-down' ? AWAY_MS : SLOW_MS));
    call.response.once('close', () => this.#forget(call));
  }

  close(): void {
    for (const call of this.#waiting.keys()) call.request.socket.destroy();
  }

  #forget(call: Call): void {
    clearTimeout(this.#waiting.get(call));
    this.#waiting.delete(call);
  }
}

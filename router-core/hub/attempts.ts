import type { ProblemCode } from '../http/problems.ts';
import type { ExchangeState } from './exchange-state.ts';

/** Codes with which the hub may end a request that an agent is already running. */
const ENDED_BY_US = new Set<ProblemCode>([
  'bad-request',
  'body-too-large',
  'request-timeout',
  'shutting-down',
  'unauthorized',
]);

/** Codes that end a request in line. */
const ENDED_IN_LINE = new Set<ProblemCode>([
  ...(['no-agent', 'paused', 'upstream-down', 'upstream-unreachable'] as const),
  ...(['queue-full', 'queue-timeout', 'limit-reached'] as const),
  ...(['shutting-down', 'unauthorized', 'store-unavailable'] as const),
]);

/** The agents that one request has been handed to, as far as its hub has heard. */
export class Attempts {
  #owner = '';
  #moves = 0;
  #mayHaveRun = false;
  #isUnreached = false;

  /** Name of the instance that answers, from its first frame. Empty before. */
  get owner(): string {
    return this.#owner;
  }

  /** How often the request has gone back into line. */
  get moves(): number {
    return this.#moves;
  }

  /** An agent has had the request and could not connect to its upstream. */
  get isUnreached(): boolean {
    return this.#isUnreached;
  }

  pulledBy(owner: string): void {
    this.#owner = owner;
  }

  /** The current attempt is lost. `unseen` says why its upstream has certainly not seen the request. */
  lost(unseen: 'unstarted' | 'unreachable' | undefined): void {
    this.#moves += 1;
    this.#owner = '';
    if (unseen === 'unreachable') this.#isUnreached = true;
    if (unseen === undefined) this.#mayHaveRun = true;
  }

  /** An upstream may have run a request that ends with `code` in `state`: this attempt's, or that of a lost one. */
  mayHaveRun(state: ExchangeState, code: ProblemCode): boolean {
    if (state === 'handed') return ENDED_BY_US.has(code);
    return this.#mayHaveRun && ENDED_IN_LINE.has(code);
  }
}

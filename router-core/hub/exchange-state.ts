/**
 * The life of one request at the hub that holds its client:
 *
 *     reading ─▶ admitting ─▶ waiting ─▶ handed ─▶ replying ─▶ done
 *                    └────────────────────┘  a free slot: no waiting
 *                                ◀────────┘  a lost agent, an upstream out of reach, a slot that has gone: back to waiting
 *                    ◀───────────┴────────┘  taken out of its group because this hub was not heard of: let in anew
 *
 * News of an admission or a hand-over may come late or never: a reply may begin in any phase after reading. Every phase can end in
 * `done`: answered, refused, client gone, deadline. Exactly one of these happens.
 */
export type ExchangeState = 'reading' | 'admitting' | 'waiting' | 'handed' | 'replying' | 'done';

const SENT: readonly ExchangeState[] = ['admitting', 'waiting', 'handed', 'replying', 'done'];

const NEXT: Readonly<Record<ExchangeState, readonly ExchangeState[]>> = {
  reading: ['reading', 'admitting', 'done'],
  admitting: SENT,
  waiting: SENT,
  handed: SENT,
  replying: ['replying', 'done'],
  done: [],
};

/** The next state; throws when a request cannot go there. */
export function stateAfter(from: ExchangeState, to: ExchangeState): ExchangeState {
  if (!NEXT[from].includes(to)) throw new Error(`a request cannot go from ${from} to ${to}`);
  return to;
}

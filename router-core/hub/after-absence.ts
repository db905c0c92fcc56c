import { sleep } from '../runtime/backoff.ts';
import { runFor } from './contain-fault.ts';
import type { Exchange } from './exchange.ts';

/** How many are looked for at once. */
const AT_ONCE = 32;

/** Time for what has ended a request meanwhile to be read from its stream, ms. */
const READ_MS = 2_000;

/**
 * This hub stood still, or was cut off from Redis, for longer than others take a hub for alive: agents have stopped its requests,
 * and what waited was dropped. Most have left word in their reply, which the link finds. Those that are nowhere, and
 * of which nothing more comes, end here: nobody works for them.
 */
export async function lookAfterAbsence(inFlight: readonly Exchange[], group: string): Promise<void> {
  const mine = inFlight.filter((exchange) => exchange.group === group && isSent(exchange));
  for (let i = 0; i < mine.length; i += AT_ONCE) {
    const looks = mine
      .slice(i, i + AT_ONCE)
      .map((exchange) => lookFor(exchange).catch((error: unknown) => exchange.fault(error)));
    await Promise.all(looks);
  }
}

function isSent({ state }: Exchange): boolean {
  return state === 'waiting' || state === 'handed' || state === 'replying';
}

async function lookFor(exchange: Exchange): Promise<void> {
  const { store, state } = exchange;
  const { heard } = store;
  if (exchange.done || (await store.look()) !== 'unknown') return;
  void sleep(READ_MS).then(() =>
    runFor(exchange, () => {
      if (exchange.state !== state || store.heard !== heard) return;
      exchange.fail(state === 'waiting' ? 'store-lost' : 'agent-lost');
      void exchange.cancel();
    }),
  );
}

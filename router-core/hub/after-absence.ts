import { sleep } from '../runtime/backoff.ts';
import { runFor } from './contain-fault.ts';
import type { Exchange } from './exchange.ts';

/** The hub looks for this many requests at once. */
const AT_ONCE = 32;

/** The link has this long to read the end of a request from its stream, ms. */
const READ_MS = 2_000;

/**
 * This hub stood still, or was cut off from Redis, for longer than others take a hub for alive: agents have stopped its requests,
 * and those in line were dropped. Most replies say so, and the link finds them. A request that is nowhere, and whose reply brings
 * nothing more, ends here: nobody works for it.
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

import { ChurnMap } from '../../runtime/churn-map.ts';
import type { HubLink } from './hub-link.ts';
import type { LinkExchange } from './link-exchange.ts';

/** All requests of one instance that no hub has settled, on whatever link. */
export class HeldRequests {
  readonly #byTicket = new ChurnMap<LinkExchange>();
  /** When a request whose link is lost belongs to nobody any more, by performance.now(). */
  readonly #lostAt = new WeakMap<LinkExchange, number>();
  readonly #links: () => Iterable<HubLink>;

  constructor(links: () => Iterable<HubLink>) {
    this.#links = links;
  }

  get size(): number {
    return this.#byTicket.size;
  }

  add(exchange: LinkExchange): void {
    this.#byTicket.set(exchange.ticket, exchange);
  }

  delete({ ticket }: LinkExchange): void {
    this.#byTicket.delete(ticket);
  }

  /** Its ticket is another one from now on. */
  rename(exchange: LinkExchange, ticket: string): void {
    this.delete(exchange);
    exchange.ticket = ticket;
    this.add(exchange);
  }

  find(ticket: string): LinkExchange | undefined {
    return this.#byTicket.get(ticket);
  }

  /** Those whose link is lost and that no hub has been asked about since. */
  orphans(): LinkExchange[] {
    return this.#byTicket.values().filter((exchange) => !exchange.carrier && !this.#isPresented(exchange));
  }

  /** How many an upstream works on. */
  get running(): number {
    let count = 0;
    for (const { isRunning } of this.#byTicket.values()) if (isRunning) count += 1;
    return count;
  }

  /** How many slots are in use on other links than this one; undefined: than one that presents all orphans. */
  elsewhere(link: HubLink | undefined): number {
    let count = 0;
    for (const exchange of this.#byTicket.values()) {
      if (!exchange.isFree && !this.#isAt(exchange, link)) count += 1;
    }
    return count;
  }

  /** Their link is lost. What no other link has taken over within `ms` is taken, and `onLost` called. */
  await(exchanges: readonly LinkExchange[], ms: number, onLost: () => void): void {
    if (exchanges.length === 0) return;
    const lostAt = performance.now() + ms;
    for (const exchange of exchanges) this.#lostAt.set(exchange, lostAt);
    setTimeout(() => {
      // One that has lost another link since has more time.
      const lost = exchanges.filter((each) => !each.carrier && this.#lostAt.get(each) === lostAt);
      const isLost = lost.some(({ ticket }) => this.#byTicket.has(ticket));
      if (isLost) onLost();
      for (const exchange of lost) exchange.take('lost');
    }, ms);
  }

  #isAt(exchange: LinkExchange, link: HubLink | undefined): boolean {
    if (exchange.carrier) return exchange.carrier === link;
    return link ? link.presents(exchange.ticket) : !this.#isPresented(exchange);
  }

  #isPresented({ ticket }: LinkExchange): boolean {
    for (const link of this.#links()) if (link.presents(ticket)) return true;
    return false;
  }
}

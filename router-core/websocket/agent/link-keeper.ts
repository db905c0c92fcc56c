import { createBackoff, sleep } from '../../runtime/backoff.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { FormerLinks } from './former-links.ts';
import type { DialledHub, HubDialer } from './hub-dialer.ts';
import type { HubLink } from './hub-link.ts';
import { HubRefusal, reasonOf } from './hub-refusal.ts';
import type { HubTurns } from './hub-turns.ts';
import type { UnknownToken } from './unknown-token.ts';

/** Pause before a hub that does not know the token yet is dialled again, ms. */
const UNKNOWN_MS = 1_000;

export interface LinkKeeperOptions {
  readonly dialer: HubDialer;
  readonly turns: HubTurns;
  /** Says hello on a new connection. */
  readonly greet: (hub: string, dialled: DialledHub) => HubLink;
  /** Requests whose link is lost: a new link has to present them within the lease. */
  readonly orphans: () => number;
  readonly formerLinks: FormerLinks;
  /** The lease of the group, as far as it is known. */
  readonly leaseMs: () => number;
  readonly unknown: UnknownToken;
  readonly onRevoked: () => void;
  readonly log: Logger;
}

const HANDSHAKE_MS = 10_000;
const LEAST_HANDSHAKE_MS = 1_000;
const REDIAL_MS = { minMs: 500, maxMs: 30_000 };

/** A link that stood for so long was no failure of its hub, ms. */
const STOOD_MS = 10_000;

/** So often a second link may end at the host of the first one, with this pause, before the agent does without for a while. */
const STANDBY_TRIES = 3;
const STANDBY_TRY_MS = 1_000;
const WITHOUT_STANDBY_MS = 10 * 60_000;

/**
 * Keeps two links: one that has the slots, and a standby at a hub on another host that gets them at once when the first one
 * goes. Dials one hub after the other until there is a link; then, without hurry, for the standby.
 */
export class LinkKeeper {
  readonly #options: LinkKeeperOptions;
  readonly #links = new Set<HubLink>();
  readonly #backoff = createBackoff(REDIAL_MS);
  /** The link with the slots. It may be lost, or about to end, until there is a better one. */
  #primary: HubLink | undefined;
  /** By performance.now(). */
  #dialAt = 0;
  #standbyAt = 0;
  #standbyTries = 0;
  /** Dials since the last one that succeeded. */
  #failures = 0;
  #complaint: string | undefined;
  #dialling: { isForStandby: boolean; abort: AbortController } | undefined;
  #isClosing = false;
  #wake: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: LinkKeeperOptions) {
    this.#options = options;
  }

  get primary(): HubLink | undefined {
    return this.#primary;
  }

  get links(): ReadonlySet<HubLink> {
    return this.#links;
  }

  start(): void {
    this.#running = this.#keep();
  }

  /** Ends all links. */
  async close(reason: string): Promise<void> {
    this.#isClosing = true;
    this.#dialling?.abort.abort();
    this.#wake();
    await this.#running;
    for (const { socket } of this.#links) socket.close(reason);
    // A hub that does not answer is cut after a second.
    while (this.#links.size > 0) await sleep(10);
  }

  /** The hub has answered a hello. Returns whether the link is of use. */
  welcomed(link: HubLink): boolean {
    this.#failures = 0;
    this.#complaint = undefined;
    const { leaseMs } = this.#options;
    const standbyMs = this.#owedHub !== undefined ? leaseMs() / 6 : STANDBY_TRY_MS * (1 + Math.random());
    this.#standbyAt = Math.max(this.#standbyAt, performance.now() + standbyMs);
    this.#choosePrimary();
    this.#wake();
    if (this.#primary === link) return true;
    if (link.welcome?.hub.host === this.#primary?.welcome?.hub.host) return this.#onSameHost();
    this.#standbyTries = 0;
    return true;
  }

  /** The first good link keeps the slots; one that is about to end only while there is no other. */
  #choosePrimary(): void {
    if (this.#primary?.isGood) return;
    const all = [...this.#links];
    const usable = (link: HubLink) => link.welcome !== undefined && !link.socket.closed;
    this.#primary = all.find(({ isGood }) => isGood) ?? all.find(usable);
    // Whatever has cut off the former one may have cut off this one as well, and it has had nothing to say.
    this.#primary?.socket.probe(Math.max(LEAST_HANDSHAKE_MS, this.#options.leaseMs() / 3));
  }

  /** Its hub is about to end. */
  onAway(): void {
    this.#choosePrimary();
    this.#hurry(0);
  }

  /** A request has to be presented anew. */
  onStranded(): void {
    this.#hurry(this.#pauseMs());
  }

  /** `isCut`: its hub is there, as far as this end can tell. */
  onClosed(link: HubLink, isCut: boolean): void {
    const { turns, leaseMs } = this.#options;
    this.#links.delete(link);
    turns.putLast(link.hub);
    if (link.welcome && performance.now() - link.since > STOOD_MS) this.#backoff.reset();
    // At a planned end its hub has said so, and others are there.
    const pauseMs = link.isAway ? 0 : this.#pauseMs();
    this.#choosePrimary();
    if (isCut) this.#standbyAt = Math.min(this.#standbyAt, performance.now() + leaseMs() / 3);
    this.#hurry(isCut ? Math.min(pauseMs, leaseMs() / 3) : pauseMs);
  }

  /** A link is wanted, this time at once or after a moment. */
  #hurry(pauseMs: number): void {
    const at = performance.now() + pauseMs;
    if (!this.#isUrgent) {
      this.#standbyAt = Math.max(this.#standbyAt, at);
      return this.#wake();
    }
    this.#dialAt = at;
    // A dial for a standby link may hang at a hub that is away.
    if (this.#dialling?.isForStandby) this.#dialling.abort.abort();
    this.#wake();
  }

  get #isUrgent(): boolean {
    return !this.#primary?.isGood || this.#options.orphans() > 0;
  }

  get #wantsStandby(): boolean {
    for (const link of this.#links) if (link !== this.#primary && !link.isAway) return false;
    return true;
  }

  async #keep(): Promise<void> {
    while (!this.#isClosing) {
      const isForStandby = !this.#isUrgent;
      const at = isForStandby ? (this.#wantsStandby ? this.#standbyAt : Infinity) : this.#dialAt;
      const waitMs = at - performance.now();
      if (waitMs > 0) await this.#waitFor(Math.min(waitMs, WITHOUT_STANDBY_MS));
      else await this.#dial(isForStandby);
    }
  }

  /** ms, or until something has changed. */
  async #waitFor(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }

  async #dial(isForStandby: boolean): Promise<void> {
    const { dialer, greet, orphans, leaseMs, formerLinks } = this.#options;
    const hub = this.#nextHub;
    formerLinks.dialled(hub);
    const abort = new AbortController();
    this.#dialling = { isForStandby, abort };
    const hurriedMs = orphans() > 0 ? Math.max(LEAST_HANDSHAKE_MS, leaseMs() / 3) : HANDSHAKE_MS;
    try {
      const dialled = await dialer.dial(hub, {
        timeoutMs: Math.min(HANDSHAKE_MS, hurriedMs),
        signal: abort.signal,
      });
      const link = greet(hub, dialled);
      this.#links.add(link);
      // Until it is welcome or gone: nothing else is dialled.
      while (!link.welcome && this.#links.has(link) && !this.#isClosing) await this.#waitFor(HANDSHAKE_MS);
      if (!link.welcome) this.#putOff(isForStandby);
    } catch (error) {
      if (!abort.signal.aborted) this.#onFailure(hub, error as Error, isForStandby);
    } finally {
      this.#dialling = undefined;
    }
  }

  /** A hub that was cut off knows best what has never arrived here. Else there is no time to try hubs that may be away. */
  get #nextHub(): string {
    const { orphans, turns } = this.#options;
    const standing =
      orphans() > 0 && this.#failures === 0 && this.#primary?.isGood ? this.#primary.hub : undefined;
    return this.#owedHub ?? standing ?? turns.take(performance.now());
  }

  get #owedHub(): string | undefined {
    return this.#options.formerLinks.owed(performance.now() - this.#options.leaseMs());
  }

  #onFailure(hub: string, error: Error, isForStandby: boolean): void {
    const { turns, unknown, onRevoked, log } = this.#options;
    if (error instanceof HubRefusal) {
      if (error.isTokenEnded) {
        const now = performance.now();
        if (unknown.refused(now)) return onRevoked();
        this.#dialAt = now + UNKNOWN_MS;
        return;
      }
      if (error.retryMs !== undefined) turns.putOff(hub, error.retryMs, performance.now());
    }
    const reason = reasonOf(error);
    const isNews = !isForStandby && reason !== this.#complaint;
    log[isNews ? 'warn' : 'debug']({ hub, reason }, 'no link to a hub, trying again');
    if (isNews) this.#complaint = reason;
    this.#putOff(isForStandby);
  }

  #putOff(isForStandby: boolean): void {
    const now = performance.now();
    if (isForStandby) {
      this.#standbyAt = now + REDIAL_MS.maxMs * (0.5 + Math.random() / 2);
      return;
    }
    // All hubs of the list are tried before there is a pause.
    this.#failures += 1;
    const pauseMs = this.#failures % this.#options.turns.size === 0 ? this.#pauseMs() : 0;
    this.#dialAt = now + Math.min(this.#mostPauseMs, Math.max(pauseMs, this.#options.turns.untilNext(now)));
  }

  #pauseMs(): number {
    return Math.min(this.#backoff.next(), this.#mostPauseMs);
  }

  /** Whoever holds requests has to be back within the lease. */
  get #mostPauseMs(): number {
    return this.#options.orphans() > 0 ? this.#options.leaseMs() / 6 : Infinity;
  }

  #onSameHost(): boolean {
    this.#standbyTries += 1;
    const isLast = this.#standbyTries % STANDBY_TRIES === 0;
    this.#standbyAt = performance.now() + (isLast ? WITHOUT_STANDBY_MS : STANDBY_TRY_MS);
    return false;
  }
}

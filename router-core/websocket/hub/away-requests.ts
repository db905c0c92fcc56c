import { LEAST_AWAY_MS } from './link-limits.ts';
import type { RelayAgent } from './relay-agent.ts';
import type { RelayedRequest } from './relayed-request.ts';

/** A request whose link is lost. */
export interface AwayRequest {
  readonly request: RelayedRequest;
  /** The agent as it was linked before. */
  readonly former: RelayAgent;
  readonly timer: NodeJS.Timeout;
}

/** Requests whose link is lost, by id, until their agent comes back or their time is over. */
export class AwayRequests {
  readonly #away = new Map<string, AwayRequest>();

  /** The request waits for its agent for a lease; after that it is lost. */
  add(request: RelayedRequest, former: RelayAgent, leaseMs: number): void {
    const { id } = request;
    const lose = () => {
      this.#away.delete(id);
      void request.lose(
        true,
        'the link of its agent was lost, and the agent did not come back within the lease',
      );
    };
    const timer = setTimeout(lose, Math.max(LEAST_AWAY_MS, leaseMs));
    this.#away.set(id, { request, former, timer });
  }

  /** Takes the request that waits here for its agent to come back. */
  take(id: string, isTheirs: (away: AwayRequest) => boolean): RelayedRequest | undefined {
    const found = this.#away.get(id);
    if (!found || !isTheirs(found)) return undefined;
    clearTimeout(found.timer);
    this.#away.delete(id);
    // The store knows what has become of it.
    return found.request.isOver ? undefined : found.request;
  }

  /** Gives others the requests of this agent's former link that it does not know: they never reached it. */
  forget(instance: string, holder: string): void {
    for (const id of this.#away.keys()) {
      const isTheirs = ({ former, request }: AwayRequest) =>
        former.instance === instance && former.holder === holder && !request.hasArrived;
      const request = this.take(id, isTheirs);
      void request?.lose(false, 'the link was lost before its agent had the request');
    }
  }

  close(): void {
    for (const { timer } of this.#away.values()) clearTimeout(timer);
  }
}

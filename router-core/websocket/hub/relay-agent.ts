import type { AgentLink, Grant, InstanceReport, PulledRequest } from '../../exchange/agent-link.ts';
import type { AgentIdentity } from './agent-directory.ts';
import type { RelayedRequest } from './relayed-request.ts';

/** One agent as its relay sees it, however it is connected: what it offers, what it may have, what it runs. */
export interface RelayAgent {
  /** The name that its hub gives it: unique in the group. */
  readonly instance: string;
  /** People call it so. */
  readonly name: string;
  readonly identity: AgentIdentity;
  /** Who may present the tickets of its requests. */
  readonly holder: string;
  readonly offer: {
    readonly slots: number;
    readonly report: Omit<InstanceReport, 'name' | 'agent' | 'token'>;
  };
  readonly grant: Grant;
  readonly running: number;
  /** Slots that could take a request now. */
  readonly free: number;
  /** The requests that it runs. */
  requests(): Iterable<{ readonly id: string }>;
  /** By performance.now(). */
  readonly heardAt: number;
  /** The time that the last ping took, ms. */
  readonly roundTripMs: number | undefined;
  /** Undefined when it takes every request of its group and scopes. */
  readonly takes?: ((request: PulledRequest) => boolean) | undefined;
  /** Hands over a request that was pulled for it. */
  run(link: AgentLink, request: PulledRequest, ticket: string): void;
  /** Its slots and state have changed, or it asks to be told again. */
  tell(grant: Grant): void;
  /** It is gone. Returns the requests that it may come back for. */
  detach(): RelayedRequest[];
}

import type { Logger } from '../runtime/logger.ts';
import type { AgentLink, Grant, InstanceReport } from './agent-link.ts';

/**
 * A hub's relay for the agents that are linked to it: one instance per group and set of scopes, whatever their agent records,
 * so that the store sees as many instances as there are hubs.
 */
export type CreateRelayLink = (options: RelayLinkOptions) => RelayLink;

export interface RelayLinkOptions {
  readonly group: string;
  readonly scopes: readonly string[];
  /** The name of the hub; the instance's name begins with it. */
  readonly name: string;
  /** The slots that the linked agents offer now. */
  readonly report: () => { shares: readonly RecordShare[]; report: InstanceReport };
  /** Called whenever the lease is renewed: one grant for each share, in their order. */
  readonly onGrants: (grants: readonly RecordGrant[]) => void;
  readonly log: Logger;
}

/** The slots that the linked agents of one agent record offer together. */
export interface RecordShare {
  readonly record: string;
  /** Slots offered, those of running requests included. */
  readonly slots: number;
  readonly running: number;
}

export interface RecordGrant extends Grant {
  readonly record: string;
}

export interface RelayLink extends AgentLink {
  /**
   * Shows these linked agents to operators, beside the instances of the group. An agent that is not shown again within a
   * minute disappears.
   */
  show(agents: readonly LinkedAgentReport[]): void;
}

/** One agent behind a relay, as an operator sees it. */
export interface LinkedAgentReport extends InstanceReport {
  /** The name that its hub gave it; unique in the group. */
  readonly instance: string;
  /** Id and name of the hub that carries it. */
  readonly hub: string;
  readonly hubName: string;
  readonly slots: number;
  readonly scopes: readonly string[];
  /** Round trip of the last ping, ms. */
  readonly roundTripMs: number | undefined;
  /** The time of its last message, ISO 8601. */
  readonly lastHeardAt: string;
}

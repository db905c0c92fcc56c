import type { Logger } from '../runtime/logger.ts';
import type { AgentLink, Grant, InstanceReport } from './agent-link.ts';

/**
 * How a hub stands in for the agents that are linked to it: one instance per group and set of scopes, whatever the agent records
 * behind it, so that the store sees as many instances as there are hubs.
 */
export type CreateRelayLink = (options: RelayLinkOptions) => RelayLink;

export interface RelayLinkOptions {
  readonly group: string;
  readonly scopes: readonly string[];
  /** The instance's name starts with it: the hub's. */
  readonly name: string;
  /** What the linked agents offer now. */
  readonly report: () => { shares: readonly RecordShare[]; report: InstanceReport };
  /** Called whenever the lease is renewed: one grant for each share, in their order. */
  readonly onGrants: (grants: readonly RecordGrant[]) => void;
  readonly log: Logger;
}

/** What the linked agents of one agent record offer together. */
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
  /** Shows these linked agents to operators, beside the instances of the group; what is not shown again within a minute goes. */
  show(agents: readonly LinkedAgentReport[]): void;
}

/** One agent behind a relay, as an operator sees it. */
export interface LinkedAgentReport extends InstanceReport {
  /** Name that its hub gave it; unique in the group. */
  readonly instance: string;
  /** Id and name of the hub that carries it. */
  readonly hub: string;
  readonly hubName: string;
  readonly slots: number;
  readonly scopes: readonly string[];
  /** Of its machine, as it says itself. */
  readonly hardware?: object | undefined;
  /** Of the last ping, ms. */
  readonly roundTripMs: number | undefined;
  /** When it was last heard of, ISO 8601. */
  readonly lastHeardAt: string;
}

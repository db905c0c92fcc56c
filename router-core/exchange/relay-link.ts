import type { Logger } from '../runtime/logger.ts';
import type {
  AgentExchange,
  AgentLink,
  ExchangeHandlers,
  Grant,
  InstanceReport,
  OwnedRequest,
} from './agent-link.ts';
import type { ResumePoint } from './resume-point.ts';

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

export interface RelayLink extends AgentLink, AdoptingLink {
  /** Shows these linked agents to operators, beside the instances of the group; what is not shown again within a minute goes. */
  show(agents: readonly LinkedAgentReport[]): void;
}

/** How requests go from one relay to another: their agent has lost the link to the one, and presents them to the other. */
export interface AdoptingLink {
  /** Where a request of this link stands. The ticket of its agent has to say it, in a form that nobody can invent. */
  placeOf(request: OwnedRequest): RequestPlace;
  /**
   * Takes a request from the relay that has it, and waits until its client's hub has said how far it is. Undefined when it is
   * over, cancelled, or somebody else's. A request that this link has already is not adopted again: look for it first. Asks until
   * the store has answered.
   */
  adopt(from: RequestPlace, presented: Presented): Promise<AdoptedRequest | undefined>;
}

/** Where a request stands: all that another relay needs to adopt it. */
export interface RequestPlace {
  /** Name of the relay's instance. */
  readonly relay: string;
  readonly id: string;
  readonly attempt: number;
  readonly place: string;
}

/** An agent says this of a request that it presents. */
export interface Presented {
  /**
   * Counts the links of the agent's process, from 1: when an agent has asked several relays for the same request, the last one
   * gets it, in whichever order the store hears of them.
   */
  readonly turn: number;
  /** Bytes of the rest of the request's body that the agent has received. */
  readonly have: number;
  /** Name of the agent's record: the slot that it had at the former relay goes with the request. */
  readonly record?: string | undefined;
}

/** A request that this relay has now, as another attempt with another handle. To be opened at once. */
export interface AdoptedRequest {
  readonly request: OwnedRequest;
  /** The agent sends its reply from `received` on, and its head when `headSeen` is false; `asked` is the credit that it has given. */
  readonly point: ResumePoint;
  /** Like AgentLink.open. Of the request's body, what the agent lacks comes. */
  open(handlers: ExchangeHandlers): AgentExchange;
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
  /** The time of the last ping, ms. */
  readonly roundTripMs?: number | undefined;
  /** When it was last heard of, ISO 8601. */
  readonly lastHeardAt: string;
  /** Ids of the requests that it runs. */
  readonly requests?: readonly string[] | undefined;
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ConfigState } from '../../config/config-state.ts';
import type { ServedSettings } from '../../config/group-settings.ts';

/** Counts since the hub has started. */
export interface AgentDoorCounts {
  readonly opened: number;
  /** Requests that were taken over from another hub. */
  readonly adopted: number;
  /** Links that were refused or ended by this hub, by code. */
  readonly refused: ReadonlyMap<string, number>;
}

/** Takes the links of agents that cannot see the store. Chosen in hub/main.ts. */
export interface AgentDoor {
  /** Links that are open. */
  readonly links: number;
  readonly counts: AgentDoorCounts;
  /** Agents may do what this version of the configuration says, from now on. */
  serve(state: ConfigState, groups: readonly ServedSettings[]): void;
  /** True for a request that goes to the door, before any route. */
  takes(request: IncomingMessage): boolean;
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Tells agents that this hub ends within `ms`, and takes no new ones. */
  sayAway(ms: number): void;
  /**
   * Agents that connect anew for each step are given nothing new, and may finish what they run while this hub still listens.
   * Resolves when they have, or after `ms`.
   */
  finishCalls(ms: number): Promise<void>;
  /** No agent is given anything new. Resolves when none runs anything, or after `ms`. */
  drain(ms: number): Promise<void>;
  close(): Promise<void>;
}

export interface AgentDoorAbout {
  /** Id of this hub, and the machine that it shares with others. */
  readonly hub: { readonly id: string; readonly host: string };
  /** A secret that all hubs have. */
  readonly sharedSecret: () => Promise<Buffer>;
}

export type CreateAgentDoor = (about: AgentDoorAbout) => AgentDoor;

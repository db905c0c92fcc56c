/** The identity that all agents with the same token share, from their agent record. */
export interface RecordedIdentity {
  readonly group: string;
  /** Slots of all instances of the record together; 0 = no limit. */
  readonly concurrency: number;
  readonly scopes: readonly string[];
  /** Name of the record. */
  readonly record: string;
  /** Id of the token, which is no secret. */
  readonly tokenId: string;
}

/** Finds the identity of an agent that has a token. */
export interface AgentIdentitySource {
  /** Asks until there is an answer. Undefined when the signal aborts first. */
  identify(signal: AbortSignal): Promise<RecordedIdentity | undefined>;
  /** Resolves with true once the record names another group, with false when the signal aborts first. */
  whenMoved(group: string, signal: AbortSignal): Promise<boolean>;
}

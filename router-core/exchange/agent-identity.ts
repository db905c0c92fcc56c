/** What the record behind an agent's token says of every agent that has the token. */
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

/** Where an agent with a token learns what it is. */
export interface AgentIdentitySource {
  /** Asks until there is an answer. Undefined when the signal aborts first. */
  identify(signal: AbortSignal): Promise<RecordedIdentity | undefined>;
  /** Resolves with true once the record names another group than this one, with false when the signal aborts first. */
  whenMoved(group: string, signal: AbortSignal): Promise<boolean>;
}

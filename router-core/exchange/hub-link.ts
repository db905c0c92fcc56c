import type { ConfigState } from '../config/config-state.ts';
import type { ServedSettings } from '../config/group-settings.ts';
import type { StoredApp } from '../config/stored.ts';
import type { Logger } from '../runtime/logger.ts';
import type { GroupView } from './group-view.ts';
import type { HubExchange, HubExchangeHandlers } from './hub-exchange.ts';
import type { HubReport } from './hub-report.ts';

/** Makes the link of one hub. hub/main.ts chooses it; nothing else in hub/ knows which one it is. */
export type CreateHubLink = (options: HubLinkOptions) => HubLink;

export interface HubLinkOptions {
  /** Called with every version of the configuration; the hub answers with `serve()`. */
  readonly onState: (state: ConfigState, superseded: AbortSignal) => Promise<void>;
  /** The report of this hub to operators. */
  readonly report: () => HubReport;
  /** Other hubs have taken this one for dead: requests of this group may have been stopped and dropped. */
  readonly onAbsence: (group: string) => void;
  readonly log: Logger;
}

/**
 * A hub's link to the place where requests wait and agents pull them: the configuration, the groups, the limits of apps, and
 * an exchange per request. Implemented by redis/hub/redis-hub-link.ts. test/exchange/hub-link-suite.ts tests what each
 * implementation promises.
 */
export interface HubLink {
  /** Unique name of this hub, new with every start. */
  readonly hub: string;
  /** True when requests can be admitted: replies may be late, but they come. */
  readonly connected: boolean;
  /** True when every connection is up. */
  readonly ready: boolean;
  /** How many wake-up messages were lost or late. What they announced was found later. */
  readonly missedDoorbells: number;
  /** Waits for the store, and refuses one that would lose requests: rejects with UnsuitableEngineError. */
  check(): Promise<void>;
  /** Resolves when `ready` is true, or after `ms`. */
  settled(ms: number): Promise<void>;
  /** Serves these groups from now on. Groups that are no longer listed are served until their last request is answered. */
  serve(version: number, groups: readonly ServedSettings[]): void;
  /** A group that is served here; throws for any other. */
  group(name: string): GroupView;
  groups(): ReadonlyMap<string, GroupView>;
  /** A new request id: unique, and it contains the name of its hub. */
  nextId(): string;
  /** Prepares to send a request to its group. Nothing exists in the store before `admit`. */
  open(request: OpenRequest, handlers: HubExchangeHandlers): HubExchange;
  /** Takes a permit for one request of an app with limits; `leaveApp` releases it. Rejects when the store does not answer. */
  enterApp(app: StoredApp, id: string): Promise<AppAdmission>;
  leaveApp(app: string, id: string): void;
  /** A secret that all hubs have, and nobody else. Rejects when the store is away. */
  sharedSecret(): Promise<Buffer>;
  /** Notes that a request came with this token. */
  tokenUsed(id: string): void;
  close(): Promise<void>;
}

export interface OpenRequest {
  readonly id: string;
  readonly group: string;
  /** Only agents that carry it may run the request. */
  readonly scope: string | undefined;
  /** How often it may be handed to an agent that may have run it. */
  readonly attempts: number;
}

/** An app's request may go on, or one of its limits is reached; `retryAfterS` in seconds. */
export type AppAdmission =
  | { readonly ok: true }
  | { readonly ok: false; readonly limit: 'rate' | 'concurrency'; readonly retryAfterS: number };

import type { ConfigState } from '../config/config-state.ts';
import type { ServedSettings } from '../config/group-settings.ts';
import type { StoredApp } from '../config/stored.ts';
import type { Logger } from '../runtime/logger.ts';
import type { GroupView } from './group-view.ts';
import type { HubExchange, HubExchangeHandlers } from './hub-exchange.ts';
import type { HubReport } from './hub-report.ts';

/** Makes the link of one hub. Chosen in hub/main.ts; nothing else in hub/ knows which one it is. */
export type CreateHubLink = (options: HubLinkOptions) => HubLink;

export interface HubLinkOptions {
  /** Called with every version of the configuration; to be answered with `serve()`. */
  readonly onState: (state: ConfigState, superseded: AbortSignal) => Promise<void>;
  /** What the hub says of itself. */
  readonly report: () => HubReport;
  /** Others have taken this hub for dead: requests of this group may have been stopped and dropped. */
  readonly onAbsence: (group: string) => void;
  readonly log: Logger;
}

/**
 * What a hub needs of the other side, where requests wait and agents fetch them: the configuration, the groups, the limits of
 * apps, and an exchange per request. Implemented by redis/hub/redis-hub-link.ts. test/exchange/hub-link-suite.ts tests what each
 * implementation promises.
 */
export interface HubLink {
  /** Name of this hub among all, new with every start. */
  readonly hub: string;
  /** Whether requests can be taken: replies may be late, but they come. */
  readonly connected: boolean;
  /** Whether all is as it should be. */
  readonly ready: boolean;
  /** How many messages that should have woken this hub were lost or late. What they announced was found later. */
  readonly missedDoorbells: number;
  /** Waits for the store and refuses one that would lose requests: rejects with UnsuitableEngineError. */
  check(): Promise<void>;
  /** Resolves when all is as it should be, or after `ms`. */
  settled(ms: number): Promise<void>;
  /** Serves these groups from now on; those that are gone are served until their last request is answered. */
  serve(version: number, groups: readonly ServedSettings[]): void;
  /** A group that is served here; throws for any other. */
  group(name: string): GroupView;
  groups(): ReadonlyMap<string, GroupView>;
  /** A request id: unique, and it names its hub. */
  nextId(): string;
  /** Prepares to send a request to its group. Nothing of it is there before `admit`. */
  open(request: OpenRequest, handlers: HubExchangeHandlers): HubExchange;
  /** Asks for one request of an app with limits. What was taken is to be given back with `leaveApp`. Rejects when nobody can say. */
  enterApp(app: StoredApp, id: string): Promise<AppAdmission>;
  leaveApp(app: string, id: string): void;
  /** A request came with this token. */
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

import type { HubLink } from '../exchange/hub-link.ts';
import type { ChurnMap } from '../runtime/churn-map.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Tracer } from '../runtime/tracing.ts';
import type { HubConfig } from './settings.ts';
import type { Exchange } from './exchange.ts';
import type { TrustedProxies } from './front/trusted-proxies.ts';
import type { RequestCounts } from './request-counts.ts';
import type { ServiceRate } from './service-rate.ts';
import type { BodyWatch } from './watch-bodies.ts';
import type { DescriptorWatch } from './watch-descriptors.ts';

/** The parts of a hub that all its exchanges share. */
export interface HubContext {
  readonly config: HubConfig;
  readonly link: HubLink;
  readonly log: Logger;
  readonly inFlight: ChurnMap<Exchange>;
  readonly proxies: TrustedProxies;
  readonly rates: ServiceRate;
  readonly counts: RequestCounts;
  /** Watches bodies that have not arrived. */
  readonly bodies: BodyWatch;
  readonly descriptors: DescriptorWatch;
  /** Undefined when the process has loaded no OpenTelemetry SDK. */
  readonly tracer: Tracer | undefined;
}

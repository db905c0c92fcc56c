import { hostname } from 'node:os';
import type { ConfigState } from '../config/config-state.ts';
import type { CreateHubLink, HubLink } from '../exchange/hub-link.ts';
import type { HubReport } from '../exchange/hub-report.ts';
import { ChurnMap } from '../runtime/churn-map.ts';
import type { Logger } from '../runtime/logger.ts';
import type { MetricSource } from '../runtime/metrics.ts';
import { packageVersion } from '../runtime/package-info.ts';
import { inSlices } from '../runtime/slices.ts';
import { findTracer } from '../runtime/tracing.ts';
import { RequestAcceptor } from './accept-request.ts';
import { lookAfterAbsence } from './after-absence.ts';
import type { HubConfig } from './settings.ts';
import { drainHub, Readiness } from './drain.ts';
import { endRevoked } from './end-revoked.ts';
import type { Exchange } from './exchange.ts';
import type { CreateAgentDoor } from './front/agent-door.ts';
import { HubFront } from './front/hub-front.ts';
import { openTls } from './front/open-tls.ts';
import { isLoopback } from './front/loopback.ts';
import { TrustedProxies } from './front/trusted-proxies.ts';
import type { HubContext } from './hub-context.ts';
import { hubMetrics } from './hub-metrics.ts';
import { RecentFailures } from './recent-failures.ts';
import { RecentHistograms } from './recent-times.ts';
import { RequestCounts } from './request-counts.ts';
import { ServiceRate } from './service-rate.ts';
import { SnapshotCompiler } from './snapshot.ts';
import { BodyWatch } from './watch-bodies.ts';
import { watchDescriptors } from './watch-descriptors.ts';

export interface Hub {
  /** The port it listens on. */
  readonly port: number;
  /** The port that agents dial. */
  readonly linkPort: number;
  /** The port in the clear beside TLS. Undefined when there is none. */
  readonly httpPort: number | undefined;
  /** Resolves when Redis is there and fit; rejects with UnsuitableEngineError when it would lose requests. */
  readonly checked: Promise<void>;
  readonly metrics: MetricSource;
  /** Drains: no new work, the running requests finish (at most `drainMs`, or `mostMs`), then everything is closed. */
  close(mostMs?: number): Promise<void>;
}

/** A hub that starts waits this long for Redis before it listens. Then it listens without, and says that it is not ready. */
const LISTEN_AFTER_MS = 1_000;

const REVOKE_EVERY_MS = 500;

const OPEN_WARNING =
  'ANYBODY who can reach this address can send requests to the upstreams: a route has no auth. Set auth: app on the routes, or listen on 127.0.0.1 behind a proxy that authenticates';

/** The parts that hub/main.ts chooses for a hub. */
export interface HubPorts {
  readonly createLink: CreateHubLink;
  /** Undefined when no agent may dial in. */
  readonly createDoor?: CreateAgentDoor | undefined;
  /** See TlsOptions. When undefined, sessions of TLS are those of this process alone. */
  readonly ticketKeys?: Buffer | undefined;
}

/** Starts one hub. Resolves when it listens; readiness follows when Redis is there. Rejects when the port is taken. */
export async function startHub(config: HubConfig, ports: HubPorts, log: Logger): Promise<Hub> {
  const startedAt = new Date().toISOString();
  const tls = await openTls(config, ports, log);
  let address = '';
  const recent = { times: new RecentHistograms(), failures: new RecentFailures() };
  const report = (): HubReport => {
    const configVersion = acceptor.snapshot?.version ?? 0;
    return { ...reportOf(context, recent), startedAt, address, configVersion };
  };
  const onState = (state: ConfigState, superseded: AbortSignal) => takeState(state, superseded);
  const onAbsence = (group: string) => void lookAfterAbsence(context.inFlight.values(), group);
  const link = ports.createLink({ onState, report, onAbsence, log });
  const door = ports.createDoor?.({
    hub: { id: link.hub, host: hostname() },
    sharedSecret: () => link.sharedSecret(),
  });
  const context = createContext(config, link, log);
  const readiness = new Readiness(() => whyNotReady(context));
  const acceptor = new RequestAcceptor(context, readiness);
  const { keepAliveMs, linkPort, maxInFlight: maxQueued } = config;
  const front = new HubFront({ handler: acceptor, keepAliveMs, maxQueued, door, linkPort, tls });
  const warnIfOpen = openWarning(config, log);
  const compiler = new SnapshotCompiler(context);
  const takeState = async (state: ConfigState, superseded: AbortSignal) => {
    const snapshot = await inSlices(compiler.compile(state), superseded);
    link.serve(snapshot.version, snapshot.groups);
    acceptor.snapshot = snapshot;
    door?.serve(state, snapshot.groups);
    endRevoked(context.inFlight.values(), snapshot.apps);
    if (snapshot.isOpen) warnIfOpen();
    log.debug({ version: snapshot.version }, 'configuration taken');
  };
  // Tokens also expire between two versions of the configuration.
  const revoking = setInterval(() => {
    if (acceptor.snapshot) endRevoked(context.inFlight.values(), acceptor.snapshot.apps);
  }, REVOKE_EVERY_MS);

  // Several hubs or workers may share one address: one that cannot take requests yet must not get any.
  await link.settled(LISTEN_AFTER_MS);
  const stop = () => {
    clearInterval(revoking);
    tls?.certificates.close();
    return closeContext(context);
  };
  const listening = await front.listen(config).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  address = `${config.host}:${listening.port}`;
  return {
    ...listening,
    close: async (mostMs = Infinity) => {
      const drainMs = Math.min(config.drainMs, mostMs);
      await drainHub({ front, door, context, readiness, drainMs });
      front.closeDoorPort();
      await stop();
    },
    checked: link.check(),
    metrics: hubMetrics(context, { acceptor, door, certificates: tls?.certificates }),
  };
}

function whyNotReady({ link, inFlight, bodies, config }: HubContext): string | undefined {
  if (!link.ready) return 'Redis is not reachable';
  const isFull = inFlight.size >= config.maxInFlight && !bodies.makeRoom();
  return isFull ? `full: ${inFlight.size} requests in flight` : undefined;
}

function createContext(config: HubConfig, link: HubLink, log: Logger): HubContext {
  const inFlight = new ChurnMap<Exchange>();
  const bodies = new BodyWatch(config, inFlight);
  const proxies = new TrustedProxies(config.trustedProxies);
  const parts = { inFlight, bodies, proxies, rates: new ServiceRate(), counts: new RequestCounts() };
  return { config, link, log, ...parts, descriptors: watchDescriptors(log), tracer: findTracer() };
}

function closeContext({ rates, bodies, descriptors, link }: HubContext): Promise<void> {
  rates.close();
  bodies.close();
  descriptors.close();
  return link.close();
}

interface Recent {
  readonly times: RecentHistograms;
  readonly failures: RecentFailures;
}

type PartOfReport = Omit<HubReport, 'startedAt' | 'address' | 'configVersion'>;

function reportOf(context: HubContext, recent: Recent): PartOfReport {
  return {
    name: hostname(),
    version: packageVersion(),
    inFlight: context.inFlight.size,
    flagRoutes: context.config.groups,
    groups: groupReports(context, recent),
  };
}

function groupReports({ link, rates, counts }: HubContext, recent: Recent): HubReport['groups'] {
  const times = new Map(counts.groups.map(({ name, total }) => [name, recent.times.growth(total)]));
  const outcomes = recent.failures.growth(counts);
  return Object.fromEntries(
    [...link.groups()].map(([group, { inFlight, fault }]) => [
      group,
      { ...rates.of(group), inFlight, ...times.get(group), outcomes: outcomes.get(group), fault },
    ]),
  );
}

/** The hub warns once, and not when only this machine can reach its address. */
function openWarning({ host }: HubConfig, log: Logger): () => void {
  let isDue = !isLoopback(host);
  return () => {
    if (isDue) log.warn({ host }, OPEN_WARNING);
    isDue = false;
  };
}

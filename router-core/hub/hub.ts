import { isIP, type AddressInfo } from 'node:net';
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
import { RequestFront } from './accept-request.ts';
import { lookAfterAbsence } from './after-absence.ts';
import type { HubConfig } from './settings.ts';
import { drainHub, Readiness } from './drain.ts';
import { endRevoked } from './end-revoked.ts';
import type { Exchange, HubContext } from './exchange.ts';
import type { CreateAgentDoor } from './front/agent-door.ts';
import { createDoorServer, createHttpServer, listen } from './front/http-server.ts';
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
  /** Resolves when Redis is there and fit; rejects with UnsuitableEngineError when it would lose requests. */
  readonly checked: Promise<void>;
  readonly metrics: MetricSource;
  /** Drains: no new work, the running requests finish (at most `drainMs`, or `mostMs`), then everything is closed. */
  close(mostMs?: number): Promise<void>;
}

/** So long a hub that starts waits for Redis before it listens; then it does without, and says that it is not ready. */
const LISTEN_AFTER_MS = 1_000;

const REVOKE_EVERY_MS = 500;

const OPEN_WARNING =
  'ANYBODY who can reach this address can send requests to the upstreams: a route has no auth. Set auth: app on the routes, or listen on 127.0.0.1 behind a proxy that authenticates';

/** What a hub has behind it. */
export interface HubPorts {
  readonly createLink: CreateHubLink;
  /** Undefined when no agent may dial in. */
  readonly createDoor?: CreateAgentDoor | undefined;
}

/** Starts one hub. Resolves when it listens; readiness follows when Redis is there. Rejects when the port is taken. */
export async function startHub(config: HubConfig, ports: HubPorts, log: Logger): Promise<Hub> {
  const startedAt = new Date().toISOString();
  let address = '';
  const recent = { times: new RecentHistograms(), failures: new RecentFailures() };
  const report = (): HubReport => ({
    name: hostname(),
    version: packageVersion(),
    startedAt,
    address,
    configVersion: front.snapshot?.version ?? 0,
    inFlight: context.inFlight.size,
    flagRoutes: config.groups,
    groups: groupReports(context, recent),
  });
  const onState = (state: ConfigState, superseded: AbortSignal) => takeState(state, superseded);
  const onAbsence = (group: string) => void lookAfterAbsence(context.inFlight.values(), group);
  const link = ports.createLink({ onState, report, onAbsence, log });
  const door = ports.createDoor?.({
    hub: { id: link.hub, host: hostname() },
    sharedSecret: () => link.sharedSecret(),
  });
  const context = createContext(config, link, log);
  const readiness = new Readiness(() => whyNotReady(context));
  const front = new RequestFront(context, readiness);
  const { keepAliveMs, linkPort } = config;
  const server = createHttpServer(front, { keepAliveMs, door: linkPort === undefined ? door : undefined });
  const doorServer = door && linkPort !== undefined ? createDoorServer(door) : undefined;
  const warnIfOpen = openWarning(config, log);
  const compiler = new SnapshotCompiler(context);
  const takeState = async (state: ConfigState, superseded: AbortSignal) => {
    const snapshot = await inSlices(compiler.compile(state), superseded);
    link.serve(snapshot.version, snapshot.groups);
    front.snapshot = snapshot;
    door?.serve(state, snapshot.groups);
    endRevoked(context.inFlight.values(), snapshot.apps);
    if (snapshot.isOpen) warnIfOpen();
    log.debug({ version: snapshot.version }, 'configuration taken');
  };
  // Tokens also end by themselves.
  const revoking = setInterval(() => {
    if (front.snapshot) endRevoked(context.inFlight.values(), front.snapshot.apps);
  }, REVOKE_EVERY_MS);

  // With several hubs or workers behind one address, one that cannot take requests yet should not be given any.
  await link.settled(LISTEN_AFTER_MS);
  const stop = () => {
    clearInterval(revoking);
    return closeContext(context);
  };
  try {
    await listen(server, config);
    if (doorServer && linkPort !== undefined) await listen(doorServer, { ...config, port: linkPort });
  } catch (error) {
    await stop();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  const { port: doorPort = port } = (doorServer?.address() ?? {}) as Partial<AddressInfo>;
  address = `${config.host}:${port}`;
  return {
    port,
    linkPort: doorPort,
    close: async (mostMs = Infinity) => {
      const drainMs = Math.min(config.drainMs, mostMs);
      await drainHub({ server, front, door, context, readiness, drainMs });
      doorServer?.close();
      await stop();
    },
    checked: link.check(),
    metrics: hubMetrics(context, () => front.snapshot?.version ?? 0),
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
  const parts = { inFlight, bodies, rates: new ServiceRate(), counts: new RequestCounts() };
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

/** Said once, and not of an address that only this machine can reach. */
function openWarning({ host }: HubConfig, log: Logger): () => void {
  let isDue = !isLoopback(host);
  return () => {
    if (isDue) log.warn({ host }, OPEN_WARNING);
    isDue = false;
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

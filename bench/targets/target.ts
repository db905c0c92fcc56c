/** The targets that the benchmark can send load to, and how each one is started. */
import { fileURLToPath } from 'node:url';
import type { Child, Workspace } from '../workspace.ts';
import { freePort } from '../../router-core/runtime/free-port.ts';
import { waitFor200 } from '../ready.ts';
import type { ProcessTable } from '../process-stats.ts';

export const targetNames = [
  'direct',
  'nginx',
  'haproxy',
  'node-push',
  'bare-pull',
  'router',
  'router-tcp',
  'router-apps',
  'router-link',
] as const;
export type TargetName = (typeof targetNames)[number];

export interface Target {
  readonly name: TargetName;
  readonly url: string;
  /** `Name: value` that each request carries. */
  readonly header: string | undefined;
  /** The processes that a request passes, whose CPU is charged for it. */
  readonly processes: ProcessTable;
  children(): readonly Child[];
}

export interface TargetSettings {
  readonly workspace: Workspace;
  readonly upstream: Child;
  readonly upstreamPort: number;
}

const repository = new URL('../../../', import.meta.url);

/** A file of the repository, seen from dist/bench/targets/. */
export function repositoryFile(path: string): string {
  return fileURLToPath(new URL(path, repository));
}

/** A compiled entry point in bench/processes/. */
export function processFile(name: string): string {
  return fileURLToPath(new URL(`../processes/${name}.js`, import.meta.url));
}

export interface StartedTarget {
  readonly name: TargetName;
  readonly port: number;
  readonly children: readonly Child[];
  readonly header?: string;
  /** The processes whose CPU and memory count; all when omitted. */
  readonly measured?: readonly Child[];
}

/** Waits for the first 200 through the target, upstream included. */
export async function readyTarget(started: StartedTarget, settings: TargetSettings): Promise<Target> {
  const url = `http://127.0.0.1:${started.port}`;
  const children = [...started.children, settings.upstream];
  const measured = [...(started.measured ?? started.children), settings.upstream];
  await waitFor200(`${url}/small`, children, { header: started.header });
  return {
    name: started.name,
    url,
    header: started.header,
    processes: new Map(measured.map((child) => [child.name, child.pid])),
    children: () => children,
  };
}

export async function startUpstream(workspace: Workspace): Promise<TargetSettings> {
  const port = await freePort();
  const upstream = await workspace.start('upstream', process.execPath, [
    processFile('upstream'),
    String(port),
  ]);
  await waitFor200(`http://127.0.0.1:${port}/small`, [upstream]);
  return { workspace, upstream, upstreamPort: port };
}

export function startDirect(settings: TargetSettings): Promise<Target> {
  return readyTarget({ name: 'direct', port: settings.upstreamPort, children: [] }, settings);
}

export async function startNodePush(settings: TargetSettings): Promise<Target> {
  const port = await freePort();
  const args = [processFile('push-proxy'), String(port), `http://127.0.0.1:${settings.upstreamPort}`];
  const proxy = await settings.workspace.start('node-push', process.execPath, args);
  return readyTarget({ name: 'node-push', port, children: [proxy] }, settings);
}

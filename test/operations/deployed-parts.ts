import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import { readFile } from '../docs/markdown.ts';

/** A process that one of the deployment files starts. */
export interface DeployedPart {
  /** Where it is written. */
  readonly at: string;
  readonly command: readonly string[];
  /** Its environment files, by name without folder and ending: `hub`, `api`, `agent`. */
  readonly envFiles: readonly string[];
  /** Variables that are set beside them. */
  readonly variables: readonly string[];
  /** How long it gets between SIGTERM (or what goes before it) and SIGKILL; undefined: the default of 10 s. */
  readonly graceS: number | undefined;
}

export interface ComposeService {
  readonly command?: string[];
  readonly env_file?: (string | { path: string })[];
  readonly stop_grace_period?: string;
  readonly healthcheck?: object;
  readonly mem_limit?: string;
  readonly volumes?: string[];
  readonly networks?: { default: { ipv4_address: string } };
}

export const composeServices = (): Record<string, ComposeService> =>
  (parse(readFile('docker-compose.yml'), { merge: true }) as { services: Record<string, ComposeService> })
    .services;

export interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { name: string };
  readonly spec: Record<string, unknown>;
}

interface Container {
  readonly name: string;
  readonly command?: string[];
  readonly args?: string[];
  readonly envFrom?: { secretRef: { name: string } }[];
  readonly env?: { name: string }[];
}

export interface PodTemplate {
  readonly spec: { containers: Container[]; terminationGracePeriodSeconds?: number };
}

const MANIFESTS = 'deploy/kubernetes';

export function kubernetesObjects(): KubernetesObject[] {
  return readdirSync(join(packageFolder(), MANIFESTS)).flatMap((name) =>
    parseAllDocuments(readFile(join(MANIFESTS, name))).map((document) => {
      if (document.errors.length > 0) throw new Error(`${name}: ${document.errors.join(', ')}`);
      return document.toJS() as KubernetesObject;
    }),
  );
}

function composeParts(): DeployedPart[] {
  return Object.entries(composeServices()).map(([name, service]) => ({
    at: `docker-compose.yml: ${name}`,
    command: service.command ?? [],
    envFiles: (service.env_file ?? []).map((file) => baseName(typeof file === 'string' ? file : file.path)),
    variables: [],
    graceS: secondsIn(service.stop_grace_period),
  }));
}

function kubernetesParts(): DeployedPart[] {
  return kubernetesObjects().flatMap(({ kind, metadata, spec }) => {
    const pod = (spec as { template?: PodTemplate } | undefined)?.template?.spec;
    return (pod?.containers ?? []).map((container) => ({
      at: `${MANIFESTS}: ${kind} ${metadata.name}, ${container.name}`,
      command: [...(container.command ?? []), ...(container.args ?? [])],
      envFiles: (container.envFrom ?? []).map(({ secretRef }) => secretRef.name),
      variables: (container.env ?? []).map(({ name }) => name),
      graceS: pod?.terminationGracePeriodSeconds,
    }));
  });
}

export const systemdUnits = (): string[] => readdirSync(join(packageFolder(), 'deploy/systemd'));

function systemdParts(): DeployedPart[] {
  return systemdUnits().map((name) => {
    const unit = readFile(join('deploy/systemd', name));
    const field = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1] ?? '';
    return {
      at: `deploy/systemd/${name}`,
      command: field('ExecStart')
        .replace('/usr/bin/node /opt/mini-router/bin/', '')
        .replace('/usr/local/bin/mini-router-agent', 'router-core agent')
        .split(' '),
      envFiles: [baseName(field('EnvironmentFile'))],
      variables: [],
      graceS: secondsIn(`${field('TimeoutStopSec')}s`),
    };
  });
}

export const deployedParts = (): DeployedPart[] => [
  ...composeParts(),
  ...kubernetesParts(),
  ...systemdParts(),
];

function baseName(path: string): string {
  return /([^/]+)\.env$/.exec(path)?.[1] ?? path;
}

function secondsIn(text: string | undefined): number | undefined {
  const digits = /^(\d+)s$/.exec(text ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}

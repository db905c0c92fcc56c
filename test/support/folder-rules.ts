import { posix } from 'node:path';

export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  path: string;
  text: string;
}

interface Zone {
  name: string;
  /** The files of the zone: a folder (ending in /) or one file. */
  at: string;
  /** The other zones that it may import from. */
  mayImport: string[];
}

/** The zones that all parts may use. */
const BASE = ['config', 'runtime', 'http'];

/**
 * Dependencies point one way: router-api, hub/main.ts, agent/main.ts → redis → exchange → config, runtime, http. Inside `redis` a folder may
 * use those before it: connection, scripts, frames, config, then hub and agent side by side, then control.
 */
const ZONES: Zone[] = [
  { name: 'runtime', at: 'router-core/runtime/', mayImport: ['config'] },
  { name: 'http', at: 'router-core/http/', mayImport: [] },
  { name: 'config', at: 'router-core/config/', mayImport: [] },
  { name: 'routing', at: 'router-core/routing/', mayImport: ['config'] },
  { name: 'exchange', at: 'router-core/exchange/', mayImport: BASE },
  ...redisZones(),
  ...websocketZones(),
  { name: 'slime', at: 'router-core/slime/', mayImport: ['websocket/hub', 'exchange', ...BASE] },
  // Where what is behind the ports is chosen. Before its folder: the first zone that fits counts.
  {
    name: 'hub/main.ts',
    at: 'router-core/hub/main.ts',
    mayImport: ['hub', 'exchange', 'redis/*', 'websocket/hub', 'slime', ...BASE],
  },
  { name: 'hub', at: 'router-core/hub/', mayImport: ['exchange', 'routing', ...BASE] },
  {
    name: 'agent/main.ts',
    at: 'router-core/agent/main.ts',
    mayImport: ['agent', 'exchange', 'redis/*', 'websocket/agent', ...BASE],
  },
  { name: 'agent', at: 'router-core/agent/', mayImport: ['exchange', ...BASE] },
  {
    name: 'router-core/program.ts',
    at: 'router-core/program.ts',
    mayImport: ['hub', 'hub/main.ts', 'agent', 'agent/main.ts', 'runtime'],
  },
  {
    name: 'router-core/main.ts',
    at: 'router-core/main.ts',
    mayImport: ['router-core/program.ts', 'runtime'],
  },
  {
    name: 'router-api',
    at: 'router-api/',
    mayImport: ['exchange', 'redis/*', 'routing', 'config', 'runtime'],
  },
  { name: 'router-cli', at: 'router-cli/', mayImport: ['config', 'runtime'] },
  {
    name: 'binary',
    at: 'binary/',
    mayImport: ['router-core/program.ts', 'agent', 'agent/main.ts', 'router-api', 'router-cli', 'runtime'],
  },
];

/** Each folder of `redis` with those that it may import from: those before it. */
function redisZones(): Zone[] {
  const downwards: Record<string, string[]> = {
    connection: [],
    scripts: ['connection'],
    frames: ['connection', 'scripts'],
    config: ['connection', 'scripts', 'frames'],
    hub: ['connection', 'scripts', 'frames', 'config'],
    agent: ['connection', 'scripts', 'frames', 'config'],
    control: ['connection', 'scripts', 'frames', 'config', 'hub', 'agent'],
  };
  return Object.entries(downwards).map(([folder, below]) => ({
    name: `redis/${folder}`,
    at: `router-core/redis/${folder}/`,
    mayImport: [...below.map((each) => `redis/${each}`), 'exchange', ...BASE],
  }));
}

/** The two ends of the link, and the wire between them. */
function websocketZones(): Zone[] {
  return ['wire', 'hub', 'agent'].map((folder) => ({
    name: `websocket/${folder}`,
    at: `router-core/websocket/${folder}/`,
    mayImport: [...(folder === 'wire' ? [] : ['websocket/wire']), 'exchange', ...BASE],
  }));
}

/** Folders that see the store through a port only: none of their files, main.ts included, names what the store is made of. */
const BEHIND_PORTS = [
  'router-core/hub/',
  'router-core/agent/',
  'router-core/websocket/',
  'router-core/slime/',
];

const STORE_WORDS = /\bioredis\b|(?<![a-zA-Z])lane|Lane|\blastSeq\b|\bentry id\b/;

/** The modules that carry requests. In a hub only its front knows them: the rest is the same for every version of HTTP. */
const CARRIERS = /^node:(?:https?|http2|net|tls)$/;

const IMPORTED = /(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g;

/** Everything that the folder rules forbid in these files, one sentence each. */
export function findViolations(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => [...importViolations(file), ...textViolations(file)]);
}

function importViolations({ path, text }: SourceFile): string[] {
  const zone = zoneOf(path);
  const imported = [...text.matchAll(IMPORTED)].map((match) => match[1] ?? '');
  return imported.flatMap((specifier) => {
    if (specifier.startsWith('.')) return importOfFile({ path, zone, specifier });
    if (
      CARRIERS.test(specifier) &&
      path.startsWith('router-core/hub/') &&
      !path.startsWith('router-core/hub/front/')
    ) {
      return [`${path} imports ${specifier}: in a hub only its front knows what carries requests`];
    }
    const isRedisClient = /^(@?ioredis|redis|@redis)(\/|$)/.test(specifier);
    // Competitors in the benchmark may talk to Redis, too.
    const isCompetitor = path.startsWith('bench/processes/');
    const mayTalkToRedis = isRedis(zone) || path.startsWith('test/') || isCompetitor;
    return isRedisClient && !mayTalkToRedis
      ? [`${path} imports ${specifier}: only router-core/redis talks to Redis`]
      : [];
  });
}

function importOfFile({
  path,
  zone,
  specifier,
}: {
  path: string;
  zone: Zone | undefined;
  specifier: string;
}): string[] {
  // Tests, benchmarks and scripts may look at anything.
  if (zone === undefined) return [];
  const target = posix.join(posix.dirname(path), specifier);
  const targetZone = zoneOf(target);
  if (targetZone && (targetZone.name === zone.name || mayImport(zone, targetZone))) return [];
  return [
    `${path} imports ${target}: ${zone.name} may import ${zone.mayImport.join(', ') || 'nothing outside itself'}`,
  ];
}

function textViolations({ path, text }: SourceFile): string[] {
  const zone = zoneOf(path);
  const violations: string[] = [];
  if (/\.\.\/shared\b/.test(text)) violations.push(`${path} refers to a folder outside the repository`);
  if (zone === undefined) return violations;
  if (!isRedis(zone) && /\bmr:/.test(text)) {
    violations.push(`${path} names a Redis key: only router-core/redis knows them`);
  }
  const storeWord = BEHIND_PORTS.some((folder) => path.startsWith(folder)) && STORE_WORDS.exec(text)?.[0];
  if (storeWord) violations.push(`${path} says "${storeWord}": only router-core/redis knows of it`);
  if (zone.name !== 'runtime' && !path.endsWith('/main.ts') && /\bprocess\.env\b/.test(text)) {
    violations.push(`${path} reads process.env: only runtime and main.ts do`);
  }
  return violations;
}

function isRedis(zone: Zone | undefined): boolean {
  return zone?.name.startsWith('redis/') === true;
}

/** `redis/*` stands for every folder of `redis`. */
function mayImport(zone: Zone, target: Zone): boolean {
  return zone.mayImport.some((name) => name === target.name || (name === 'redis/*' && isRedis(target)));
}

function zoneOf(path: string): Zone | undefined {
  return ZONES.find(({ at }) => (at.endsWith('/') ? path.startsWith(at) : path === at));
}

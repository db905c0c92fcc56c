import { posix } from 'node:path';

export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  path: string;
  text: string;
}

interface Zone {
  name: string;
  /** What belongs to it: a folder (ending in /) or one file. */
  at: string;
  /** The other zones that it may import from. */
  mayImport: string[];
}

/** Dependencies point one way: router-api, hub, agent → protocol → runtime, hub, agent → http; config is below them. */
const ZONES: Zone[] = [
  { name: 'runtime', at: 'router-core/runtime/', mayImport: ['config'] },
  { name: 'http', at: 'router-core/http/', mayImport: [] },
  { name: 'config', at: 'router-core/config/', mayImport: [] },
  { name: 'routing', at: 'router-core/routing/', mayImport: ['config'] },
  { name: 'protocol', at: 'router-core/protocol/', mayImport: ['config', 'runtime'] },
  { name: 'hub', at: 'router-core/hub/', mayImport: ['protocol', 'routing', 'config', 'http', 'runtime'] },
  { name: 'agent', at: 'router-core/agent/', mayImport: ['protocol', 'config', 'http', 'runtime'] },
  { name: 'router-core/main.ts', at: 'router-core/main.ts', mayImport: ['hub', 'agent', 'runtime'] },
  { name: 'router-api', at: 'router-api/', mayImport: ['protocol', 'routing', 'config', 'runtime'] },
  { name: 'router-cli', at: 'router-cli/', mayImport: ['config', 'runtime'] },
];

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
    const isRedisClient = /^(@?ioredis|redis|@redis)(\/|$)/.test(specifier);
    // What the router is compared with may do as it likes.
    const isCompetitor = path.startsWith('bench/processes/');
    const mayTalkToRedis = zone?.name === 'protocol' || path.startsWith('test/') || isCompetitor;
    return isRedisClient && !mayTalkToRedis
      ? [`${path} imports ${specifier}: only protocol talks to Redis`]
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
  if (targetZone && (targetZone.name === zone.name || zone.mayImport.includes(targetZone.name))) return [];
  return [
    `${path} imports ${target}: ${zone.name} may import ${zone.mayImport.join(', ') || 'nothing outside itself'}`,
  ];
}

function textViolations({ path, text }: SourceFile): string[] {
  const zone = zoneOf(path);
  const violations: string[] = [];
  if (/\.\.\/shared\b/.test(text)) violations.push(`${path} refers to a folder outside the repository`);
  if (zone === undefined) return violations;
  if (zone.name !== 'protocol' && /\bmr:/.test(text)) {
    violations.push(`${path} names a Redis key: only protocol knows them`);
  }
  if (zone.name !== 'runtime' && !path.endsWith('/main.ts') && /\bprocess\.env\b/.test(text)) {
    violations.push(`${path} reads process.env: only runtime and main.ts do`);
  }
  return violations;
}

function zoneOf(path: string): Zone | undefined {
  return ZONES.find(({ at }) => (at.endsWith('/') ? path.startsWith(at) : path === at));
}

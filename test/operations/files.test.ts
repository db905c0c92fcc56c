import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import { groupKeys } from '../../router-core/redis/scripts/keys.ts';
import { readFile } from '../docs/markdown.ts';
import { newToken } from '../support/config.ts';
import { useTemporaryDirectory } from '../support/temporary-directory.ts';
import { knownVariables, partOf, startupOf } from './deployed-command.ts';
import {
  composeServices,
  deployedParts,
  kubernetesObjects,
  systemdUnits,
  type PodTemplate,
} from './deployed-parts.ts';

// Files that cannot be run here: at least what they say about this project is true.

const folder = useTemporaryDirectory();
const inRepository = (path: string) => join(packageFolder(), path);

/** The variables that new-logins.sh writes, and those that the pages add for systemd and for agents. */
function environmentOf(name: string): Record<string, string> {
  if (!existsSync(join(folder.path, 'users.acl'))) {
    execFileSync(inRepository('deploy/new-logins.sh'), [folder.path, '10.77.0.10:6379']);
  }
  if (name === 'agent') {
    return { ROUTER_REDIS_URL: 'redis://10.77.0.10:6379', ROUTER_AGENT_TOKEN: newToken('agent').token };
  }
  const text = readFileSync(join(folder.path, `${name}.env`), 'utf8');
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => /^([^=]+)=(.*)$/.exec(line)?.slice(1) ?? []) as [string, string][],
  );
}

describe('what the deployment files start', () => {
  const parts = deployedParts().filter(({ command }) => partOf(command) !== undefined);

  test('is every part, in Compose, Kubernetes and systemd', () => {
    const started = parts.map(
      ({ at, command }) =>
        `${at.replace(/[:/].*/, '')}/${at.includes('systemd') ? 'systemd' : ''} ${partOf(command)}`,
    );
    for (const place of ['docker-compose.yml/', 'deploy/', 'deploy/systemd']) {
      for (const part of ['router-core hub', 'router-core agent', 'router-api'])
        expect(started).toContain(`${place} ${part}`);
    }
    const others = deployedParts().filter(
      ({ command }) => command.join(' ').startsWith('router-') && partOf(command) === undefined,
    );
    expect(new Set(others.map(({ command }) => command.slice(0, 2).join(' ')))).toEqual(
      new Set(['router-cli demo-upstream']),
    );
  });

  test.each(parts)(
    '$at: flags, variables and their values are right',
    async ({ at, command, envFiles, variables }) => {
      const env = Object.assign({}, ...envFiles.map(environmentOf)) as Record<string, string>;
      for (const name of variables) env[name] = 'a-name';
      // The page adds it to the file of each machine.
      if (partOf(command) === 'router-core agent' && at.includes('systemd'))
        env['ROUTER_UPSTREAM'] = 'http://127.0.0.1:8000';

      const { config, complaint } = await startupOf(command, env);

      expect(complaint).toBeUndefined();
      expect(config).toMatchObject({ redisUrl: expect.stringMatching(/^redis:/) as string });
    },
  );

  test.each(parts)(
    '$at: gets longer to stop than it may take',
    async ({ command, envFiles, graceS = 10 }) => {
      const env = Object.assign(
        { ROUTER_UPSTREAM: 'http://127.0.0.1:8000' },
        ...envFiles.map(environmentOf),
      ) as Record<string, string>;
      if (partOf(command) !== 'router-core agent') delete env['ROUTER_UPSTREAM'];
      const { config } = await startupOf(command, env);
      expect(graceS * 1000).toBeGreaterThan(Number(config?.['drainMs'] ?? 5_000));
    },
  );

  test('a wrong flag, value or variable is noticed', async () => {
    const redis = { ROUTER_REDIS_URL: 'redis://127.0.0.1' };
    expect((await startupOf(['router-core', 'hub', '--drian', '3s'], redis)).complaint).toContain('--drian');
    expect((await startupOf(['router-core', 'hub', '--drain', '3'], redis)).complaint).toContain(
      'not a duration',
    );
    expect((await startupOf(['router-api'], { ...redis, ROUTER_DRAIN: '3s' })).complaint).toContain(
      'ROUTER_DRAIN',
    );
  });

  test('names no variable that no part knows', () => {
    const files = [
      'docker-compose.yml',
      'Dockerfile',
      'deploy/new-logins.sh',
      'docs/operations.md',
      'deploy/kubernetes/agent.yaml',
    ];
    const texts = [...files, ...systemdUnits().map((name) => `deploy/systemd/${name}`)].map(readFile);
    const named = new Set(texts.flatMap((text) => text.match(/\bROUTER_[A-Z_]+/g) ?? []));
    expect(named.size).toBeGreaterThan(3);
    // Those of router-cli are typed into a shell, where docs/operations.md is tried.
    const known = new Set([...knownVariables(), 'ROUTER_API_URL', 'ROUTER_API_TOKEN']);
    expect([...named].filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('docker-compose.yml', () => {
  const services = composeServices();

  test('limits and checks every service', () => {
    expect(Object.entries(services).filter(([, { mem_limit }]) => mem_limit === undefined)).toEqual([]);
    // An agent opens no port: Redis knows whether it lives.
    const unchecked = Object.entries(services).filter(([, { healthcheck }]) => !healthcheck);
    expect(unchecked.map(([name]) => name)).toEqual(['agent']);
  });

  test('mounts files that exist, or that docs/operations.md makes', () => {
    const mounted = Object.values(services).flatMap(({ volumes = [] }) =>
      volumes.map((volume) => volume.split(':')[0] ?? ''),
    );
    const files = mounted.filter((source) => source.startsWith('./')).map((source) => source.slice(2));
    expect(files).toContain('deploy/haproxy.cfg');
    const page = readFile('docs/operations.md');
    const wanted = files.filter((file) => !existsSync(inRepository(file)));
    // new-logins.sh makes users.acl.
    expect(wanted.filter((file) => !page.includes(file) && file !== 'secrets/users.acl')).toEqual([]);
  });

  test('gives hubs the addresses that haproxy.cfg has', () => {
    const addresses = ['hub-1', 'hub-2'].map(
      (name) => `server ${name} ${services[name]?.networks?.default.ipv4_address}:8080`,
    );
    for (const line of addresses) expect(readFile('deploy/haproxy.cfg')).toContain(line);
  });
});

test('Dockerfile copies what there is, all that is built, and nothing that .dockerignore keeps out', () => {
  const copied = [...readFile('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
    ([, names = '']) => names.split(' '),
  );
  const { include } = JSON.parse(readFile('tsconfig.build.json')) as { include: string[] };
  expect(copied.filter((name) => !existsSync(inRepository(name)))).toEqual([]);
  // Benchmarks and tests are not for an image.
  const parts = include.filter((name) => name.startsWith('router-'));
  expect(parts.filter((name) => !copied.includes(name))).toEqual([]);
  const letIn = readFile('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  expect(new Set(copied)).toEqual(new Set(letIn));
});

test('KEDA adds up what waits and what runs, and divides it by the concurrency of an agent', () => {
  const objects = kubernetesObjects();
  const specOf = (kind: string, name: string) =>
    objects.find((object) => object.kind === kind && object.metadata.name === name)?.spec;
  const spec = specOf('ScaledObject', 'demo') as unknown as ScaledObject;
  const keys = groupKeys('default');
  const lanes = Math.ceil(spec.maxReplicaCount / 8) + 1;
  expect(spec.triggers.map(({ metadata }) => metadata.stream)).toEqual([
    keys.waiting,
    ...Array.from({ length: lanes }, (_, i) => keys.lane(String(i))),
  ]);
  expect(spec.advanced.scalingModifiers.formula).toBe(spec.triggers.map(({ name }) => name).join(' + '));
  const { template } = specOf('Deployment', spec.scaleTargetRef.name) as unknown as { template: PodTemplate };
  const agent = template.spec.containers.find(({ name }) => name === 'agent');
  const { args = [] } = agent ?? {};
  expect(args[args.indexOf('--concurrency') + 1]).toBe(spec.advanced.scalingModifiers.target);
  expect(spec.minReplicaCount).toBeGreaterThan(0);
});

interface ScaledObject {
  scaleTargetRef: { name: string };
  minReplicaCount: number;
  maxReplicaCount: number;
  advanced: { scalingModifiers: { formula: string; target: string } };
  triggers: { name: string; metadata: { stream: string } }[];
}

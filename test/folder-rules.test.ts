import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageFolder } from '../router-core/runtime/package-info.ts';
import { findViolations } from './support/folder-rules.ts';
import type { SourceFile } from './support/folder-rules.ts';

const FOLDERS = ['router-core', 'router-api', 'router-cli', 'test', 'bench', 'bin', 'scripts', 'docs', '.ci'];

/** Names what the rules forbid, to check the checker. */
const CHECKER = /^test\/folder-rules\.test\.ts$/;

function repositoryFiles(): SourceFile[] {
  const root = packageFolder();
  const inFolders = FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length)),
  );
  const inRoot = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(md|json|ts|yml)$|^Dockerfile$/.test(entry.name))
    .map((entry) => entry.name);
  return [...inFolders, ...inRoot]
    .filter((path) => !CHECKER.test(path))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

describe('the folder rules', () => {
  test('hold in this repository', () => {
    const files = repositoryFiles();
    expect(files.length).toBeGreaterThan(50);
    expect(findViolations(files)).toEqual([]);
  });

  test.each([
    ['hub must not import agent', 'router-core/hub/a.ts', "import { x } from '../agent/x.ts';"],
    ['hub must not import redis', 'router-core/hub/a.ts', "import { x } from '../redis/hub/x.ts';"],
    ['nor must its front', 'router-core/hub/front/a.ts', "import '../../redis/hub/x.ts';"],
    ['hub must not import its main.ts', 'router-core/hub/a.ts', "import { x } from './main.ts';"],
    ['requests of HTTP/1.1 are for the front', 'router-core/hub/a.ts', "import type { X } from 'node:http';"],
    ['so are those of HTTP/2', 'router-core/hub/a.ts', "import { x } from 'node:http2';"],
    ['sockets are for the front', 'router-core/hub/main.ts', "import { isIP } from 'node:net';"],
    ['agent must not import hub', 'router-core/agent/a.ts', "import type { X } from '../hub/x.ts';"],
    ['agent must not import redis', 'router-core/agent/a.ts', "import { x } from '../redis/agent/x.ts';"],
    ['nor must what is below it', 'router-core/agent/upstream/a.ts', "import '../../redis/agent/x.ts';"],
    ['agent must not import its main.ts', 'router-core/agent/a.ts', "import { x } from './main.ts';"],
    ['redis must not import hub', 'router-core/redis/hub/a.ts', "export { x } from '../../hub/x.ts';"],
    ['exchange must not import redis', 'router-core/exchange/a.ts', "import '../redis/frames/x.ts';"],
    ['connection is the lowest of redis', 'router-core/redis/connection/a.ts', "import '../scripts/x.ts';"],
    ['redis/hub must not import redis/agent', 'router-core/redis/hub/a.ts', "import '../agent/x.ts';"],
    ['redis/agent must not import control', 'router-core/redis/agent/a.ts', "import '../control/x.ts';"],
    ['redis/config must not import hub', 'router-core/redis/config/a.ts', "import '../hub/x.ts';"],
    ['runtime must not import redis', 'router-core/runtime/a.ts', "import '../redis/connection/x.ts';"],
    ['http must not import runtime', 'router-core/http/a.ts', "import {\n  x,\n} from '../runtime/x.ts';"],
    ['config must not import runtime', 'router-core/config/a.ts', "import { x } from '../runtime/x.ts';"],
    ['config must not import redis', 'router-core/config/a.ts', "import '../redis/config/x.ts';"],
    ['http must not import config', 'router-core/http/a.ts', "import '../config/x.ts';"],
    ['router-core/main.ts must not import redis', 'router-core/main.ts', "await import('./redis/hub/x.ts');"],
    ['router-cli must not import hub', 'router-cli/a.ts', "const x = import('../router-core/hub/x.ts');"],
    ['router-cli must not import redis', 'router-cli/a.ts', "import '../router-core/redis/control/x.ts';"],
    ['router-cli must not import agent', 'router-cli/a.ts', "import '../router-core/agent/x.ts';"],
    ['router-api must not import hub', 'router-api/a.ts', "import '../router-core/hub/x.ts';"],
    ['nothing in the product imports tests', 'router-core/hub/a.ts', "import '../../test/support/x.ts';"],
    ['ioredis is for redis', 'router-api/a.ts', "import { Redis } from 'ioredis';"],
    ['ioredis is not for benchmarks', 'bench/a.ts', 'import { Redis } from "ioredis";'],
    ['keys are for redis', 'router-core/hub/a.ts', 'const key = `mr:{${group}}:permits`;'],
    ['ioredis is not for hubs', 'router-core/hub/a.ts', '// As ioredis does it.'],
    ['lanes are not for hubs', 'router-core/hub/front/a.ts', 'const { lane } = request;'],
    ['sequence numbers are not for hubs', 'router-core/hub/a.ts', 'stream.consume(1, reader.lastSeq);'],
    ['entry ids are not for hubs', 'router-core/hub/a.ts', '// Its entry id says when it came.'],
    ['keys are not for agents', 'router-core/agent/a.ts', 'const key = `mr:{${group}}:permits`;'],
    ['ioredis is not for agents', 'router-core/agent/a.ts', '// As ioredis does it.'],
    ['lanes are not for agents', 'router-core/agent/upstream/a.ts', 'const { lane } = request;'],
    [
      'lanes by other names are not for agents',
      'router-core/agent/a.ts',
      'if (ownLanes > laneCount) return;',
    ],
    ['sequence numbers are not for agents', 'router-core/agent/a.ts', 'reply.consume(1, reader.lastSeq);'],
    ['entry ids are not for agents', 'router-core/agent/a.ts', '// Its entry id says when it came.'],
    ['nor are they for their main.ts', 'router-core/agent/main.ts', '/** Of each lane. */'],
    ['the environment is for main.ts', 'router-core/hub/a.ts', "const port = process.env['ROUTER_PORT'];"],
    ['nothing refers to folders outside', 'docs/a.md', 'see ../../shared/design.md and ../shared/x'],
  ])('%s', (_rule, path, text) => {
    expect(findViolations([{ path, text }])).toHaveLength(1);
  });

  test.each([
    [
      'hub uses exchange, routing, config, http and runtime',
      'router-core/hub/a.ts',
      ['../exchange/x.ts', '../routing/x.ts', '../config/x.ts', '../http/x.ts', '../runtime/x.ts', './b.ts'],
    ],
    [
      'its front uses what carries requests',
      'router-core/hub/front/a.ts',
      ['node:http', 'node:net', '../a.ts'],
    ],
    [
      "hub's main.ts uses redis as well",
      'router-core/hub/main.ts',
      ['../redis/hub/x.ts', '../runtime/x.ts', './hub.ts'],
    ],
    [
      'agent uses exchange, http, config and runtime',
      'router-core/agent/a.ts',
      ['../exchange/x.ts', '../http/x.ts', '../config/x.ts', '../runtime/x.ts', './upstream/x.ts'],
    ],
    [
      "agent's main.ts uses redis as well",
      'router-core/agent/main.ts',
      ['../redis/agent/x.ts', '../runtime/x.ts', './agent.ts'],
    ],
    [
      'program.ts uses those of both',
      'router-core/program.ts',
      ['./hub/main.ts', './agent/main.ts', './hub/settings.ts'],
    ],
    [
      'redis uses ioredis, exchange, config and runtime',
      'router-core/redis/hub/a.ts',
      ['ioredis', '../config/x.ts', '../../exchange/x.ts', '../../config/x.ts', '../../runtime/x.ts'],
    ],
    [
      'router-api uses redis and config',
      'router-api/a.ts',
      ['../router-core/redis/control/x.ts', '../router-core/config/x.ts', 'hono'],
    ],
    ['router-cli uses config', 'router-cli/a.ts', ['../router-core/config/x.ts', 'commander']],
    ['config uses zod', 'router-core/config/a.ts', ['zod', 'node:crypto', './b.ts']],
    ['tests use what they need', 'test/a.test.ts', ['ioredis', '../router-core/hub/x.ts']],
  ])('%s', (_rule, path, imports) => {
    const text = imports.map((specifier) => `import { x } from '${specifier}';`).join('\n');
    expect(findViolations([{ path, text }])).toEqual([]);
  });

  test('allow planes, flat or controlled, in agent', () => {
    const text = 'import { ControlPlane, plane } from "./x.ts"; // lasting entries, ids';
    expect(findViolations([{ path: 'router-core/agent/a.ts', text }])).toEqual([]);
  });

  test('allow process.env in runtime and main.ts, keys in redis', () => {
    const text = 'process.env.X; "mr:version"';
    expect(findViolations([{ path: 'router-core/redis/scripts/keys.ts', text: '"mr:version"' }])).toEqual([]);
    expect(findViolations([{ path: 'router-core/hub/main.ts', text: 'process.env.X' }])).toEqual([]);
    expect(findViolations([{ path: 'router-core/runtime/a.ts', text }])).toHaveLength(1);
  });
});

import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import { expectNoProcessLeft, spawnNode } from '../support/processes.ts';

afterEach(expectNoProcessLeft);

const REPORT = `process.on('SIGUSR2', () => console.log('strings are', %HasFastProperties(String.prototype) ? 'fast' : 'slow'));`;

test.each([
  ['hub', ['--port', '0', '--host', '127.0.0.1']],
  ['agent', ['--upstream', 'http://127.0.0.1:1']],
])('strings keep their fast methods although ioredis is loaded: %s', async (role, args) => {
  const program = spawnNode('--allow-natives-syntax', [
    ...['--import', `data:text/javascript,${encodeURIComponent(REPORT)}`],
    ...[join(packageFolder(), 'bin', 'router-core'), role, '--redis', 'redis://127.0.0.1:1', ...args],
  ]);
  await program.waitForLine('Redis is not reachable');
  process.kill(program.pid, 'SIGUSR2');
  expect(await program.waitForLine('strings are')).toBe('strings are fast');
  await program.kill('SIGKILL');
});

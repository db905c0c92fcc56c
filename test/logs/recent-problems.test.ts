import { expect, test } from 'vitest';
import { createLogger, recentProblems, type Logger } from '../../router-core/runtime/logger.ts';
import { MOST_PROBLEMS } from '../../router-core/runtime/recent-problems.ts';
import { newToken } from '../support/config.ts';

function quietLogger(): Logger {
  return createLogger({ level: 'info', name: 'hub', destination: { write: () => undefined } });
}

const listOf = (log: Logger) => recentProblems(log)?.list() ?? [];

test('a logger remembers its last lines of level warn and above, those of its children, too', () => {
  const log = quietLogger();
  log.info('all is well');
  log.child({ upstream: 'http://a' }).warn({ reason: 'refused' }, 'down');
  const error = Object.assign(new Error('broken'), { code: 'EPIPE' });
  log.error({ err: error, target: '/private?key=1' }, 'failed');
  const time = expect.any(String) as string;
  expect(listOf(log)).toEqual([
    { time, level: 'warn', message: 'down', about: { upstream: 'http://a', reason: 'refused' } },
    { time, level: 'error', message: 'failed', error: 'broken', code: 'EPIPE' },
  ]);
});

test('it remembers so many, each of them short', () => {
  const log = quietLogger();
  for (let i = 0; i < 3 * MOST_PROBLEMS; i += 1) log.warn({ reason: 'x'.repeat(20_000) }, `number ${i}`);
  const list = listOf(log);
  expect(list.map(({ message }) => message)).toEqual(
    Array.from({ length: MOST_PROBLEMS }, (_, i) => `number ${2 * MOST_PROBLEMS + i}`),
  );
  expect(JSON.stringify(list).length).toBeLessThan(MOST_PROBLEMS * 600);
});

test('no token and no password is among them', () => {
  const log = quietLogger();
  const { token } = newToken('agent');
  const error = new Error(`cannot reach redis://user:password@127.0.0.1 with ${token}`);
  log.warn({ err: error, upstream: 'http://me:password@host/' }, `wrong token ${token}`);
  const text = JSON.stringify(listOf(log));
  expect(text).toContain('wrong token');
  expect(text).not.toContain('password');
  expect(text).not.toContain(token);
});

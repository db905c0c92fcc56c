import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { prettyLine } from '../../router-core/runtime/pretty-log.ts';

/** Without its colours. */
const plain = (line: object | string) =>
  stripVTControlCharacters(prettyLine(typeof line === 'string' ? line : JSON.stringify(line)));

const time = new Date(2026, 0, 2, 3, 4, 5, 6).toISOString();

test('a line for people has the time of day, the level, who says it and what', () => {
  expect(plain({ level: 30, time, pid: 7, name: 'hub', msg: 'hub ready' })).toBe(
    '[03:04:05.006] INFO (hub): hub ready\n',
  );
});

test('the fields of a line follow it, an error with its stack', () => {
  const err = { type: 'Error', message: 'no', stack: 'Error: no\n    at x', code: 'ENO' };
  const line = plain({ level: 50, time, name: 'agent', msg: 'failed', port: 80, groups: ['a'], err });
  expect(line.split('\n').slice(0, 3)).toEqual([
    '[03:04:05.006] ERROR (agent): failed',
    '    port: 80',
    '    groups: [',
  ]);
  expect(line).toContain('    err: Error: no\n        at x\n    {\n      "code": "ENO"\n    }\n');
});

test('nothing in a line is a command to the terminal', () => {
  const err = { stack: 'Error: \x1b[2J' };
  const line = prettyLine(JSON.stringify({ level: 30, time, name: 'hub', msg: '\x1b]0;x\x07', err }));
  for (const command of ['\x1b]', '\x1b[2J', '\x07']) expect(line).not.toContain(command);
});

test('a text that is no log line stays as it is', () => {
  expect(plain('a crash\n')).toBe('a crash\n');
});

import { expect, test } from 'vitest';
import { readOwner, relayedOwner } from '../../router-core/exchange/reply-owner.ts';

test('an instance that answers is rung and shown by its own name', () => {
  expect(readOwner('box-1.0a1b2c3d')).toEqual({ rung: 'box-1.0a1b2c3d', shown: 'box-1.0a1b2c3d' });
});

test('of a relay its own instance is rung, and the linked agent is shown', () => {
  const text = relayedOwner('hub-abc.11111111', 'box-1.0a1b2c3d');
  expect(readOwner(text)).toEqual({ rung: 'hub-abc.11111111', shown: 'box-1.0a1b2c3d' });
});

test('the longest names fit into a frame', () => {
  const relay = `hub-${'h'.repeat(36)}.11111111`;
  const agent = `${'a'.repeat(128)}.0a1b2c3d`;
  const text = relayedOwner(relay, agent);
  expect(text.length).toBeLessThan(256);
  expect(readOwner(text)).toEqual({ rung: relay, shown: agent });
});

test.each([
  '',
  ' ',
  'a ',
  ' a',
  'a b c',
  'a\r\nSet-Cookie: x',
  'a\n',
  'ä',
  'a/b',
  'x'.repeat(161),
  `a ${'x'.repeat(161)}`,
])('is refused when it names no instance: %j', (text) => {
  expect(readOwner(text)).toBeUndefined();
});

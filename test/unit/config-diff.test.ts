import { expect, test } from 'vitest';
import type { z } from 'zod';
import { diffDocuments } from '../../router-core/config/diff-documents.ts';
import { atOnce } from '../../router-core/config/steps.ts';
import { configDocumentSchema, FRESH_DOCUMENT } from '../../router-core/config/document.ts';

type Input = z.input<typeof configDocumentSchema>;
const diff = (before: Input, after: Input) =>
  atOnce(diffDocuments(configDocumentSchema.parse(before), configDocumentSchema.parse(after)));

const route = (fields: object) => ({ routes: [{ name: 'r', groups: [{ group: 'g' }], ...fields }] });

test('documents that say the same do not differ, in whatever order they say it', () => {
  expect(atOnce(diffDocuments(FRESH_DOCUMENT, FRESH_DOCUMENT))).toEqual([]);
  const one = { groups: [{ name: 'a', description: '', paused: true }, { name: 'b' }] };
  const other = {
    groups: [
      { name: 'b', concurrency: 0 },
      { paused: true, name: 'a' },
    ],
  };
  expect(diff(one, other)).toEqual([]);
});

test('objects are added, removed and changed, by kind and then by name', () => {
  const before: Input = {
    groups: [{ name: 'b' }, { name: 'a' }, { name: 'B' }],
    apps: [{ name: 'z' }],
    admins: [{ name: 'm', role: 'viewer' }],
  };
  const after: Input = {
    groups: [{ name: 'c' }, { name: 'b', paused: true }, { name: 'B' }],
    agents: [{ name: 'z', group: 'c' }],
    admins: [{ name: 'm', role: 'admin' }],
    ...route({}),
  };
  expect(diff(before, after)).toEqual([
    { kind: 'group', name: 'a', change: 'removed' },
    { kind: 'group', name: 'b', change: 'changed', fields: [['paused', false, true]] },
    { kind: 'group', name: 'c', change: 'added' },
    { kind: 'route', name: 'r', change: 'added' },
    { kind: 'app', name: 'z', change: 'removed' },
    { kind: 'agent', name: 'z', change: 'added' },
    { kind: 'admin', name: 'm', change: 'changed', fields: [['role', 'viewer', 'admin']] },
  ]);
});

test('the fields of a change are sorted by path, each with what it was and what it is', () => {
  const before = { groups: [{ name: 'a', timeouts: { idleMs: 1, totalMs: 1 }, concurrency: 3 }] };
  const after = { groups: [{ name: 'a', queue: { depth: 0 }, timeouts: { totalMs: 1 } }] };
  expect(diff(before, after)[0]?.fields).toEqual([
    ['concurrency', 3, 0],
    ['queue.depth', 1_000, 0],
    ['timeouts.idleMs', 1, 60_000],
  ]);
});

test('what is there only before or only after is null on the other side, as it is in JSON', () => {
  const before = route({
    rewrite: '/x',
    setHeaders: { 'X-A': '1', toString: 'c' },
    timeouts: { idleMs: 1 },
  });
  const after = route({ match: { host: 'a.test' }, setHeaders: { 'X-B': '' } });
  const changes = diff(before, after);
  expect(changes[0]?.fields).toEqual([
    ['match.host', null, 'a.test'],
    ['rewrite', '/x', null],
    ['setHeaders.X-A', '1', null],
    ['setHeaders.X-B', null, ''],
    ['setHeaders.toString', 'c', null],
    ['timeouts.idleMs', 1, null],
  ]);
  expect(JSON.parse(JSON.stringify(changes))).toEqual(changes);
});

test('an object in the place of null is one change', () => {
  const rate = { requests: 5, perMs: 1_000, burst: 0 };
  expect(diff({ apps: [{ name: 'a' }] }, { apps: [{ name: 'a', rate }] })[0]?.fields).toEqual([
    ['rate', null, rate],
  ]);
});

test('lists of one length differ item by item, others as a whole', () => {
  const [g, h] = [
    { group: 'g', weight: 90 },
    { group: 'h', weight: 10 },
  ] as const;
  expect(diff(route({ groups: [g, h] }), route({ groups: [g, { ...h, weight: 20 }] }))[0]?.fields).toEqual([
    ['groups[1].weight', 10, 20],
  ]);
  expect(diff(route({ groups: [h] }), route({ groups: [g, h] }))[0]?.fields).toEqual([
    ['groups', [h], [g, h]],
  ]);
  const removed = (...removeHeaders: string[]) => route({ removeHeaders });
  expect(diff(removed('A', 'B'), removed())[0]?.fields).toEqual([['removeHeaders', ['A', 'B'], []]]);
});

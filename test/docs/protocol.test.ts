import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LIST_OF } from '../../router-core/config/object-kinds.ts';
import { FENCE, PART } from '../../router-core/exchange/frames.ts';
import {
  agentCardKey,
  appKeys,
  CHANGES_CHANNEL,
  CONFIG_KEYS,
  configKey,
  CONSUMER_GROUP,
  groupKeys,
  type GroupKeys,
} from '../../router-core/redis/scripts/keys.ts';
import { groupScript } from '../../router-core/redis/scripts/script-keys.ts';
import { packageFolder } from '../../router-core/runtime/package-info.ts';
import { readFile, section, tableRows } from './markdown.ts';

const text = readFile('docs/protocol.md');
const keys = groupKeys('g');

/** The keys that builders make from placeholders. The compiler complains when a builder is missing here. */
const SHOWN: Record<Exclude<keyof GroupKeys, 'group' | 'prefix'>, string> = {
  waiting: keys.waiting,
  redelivery: keys.redelivery,
  lanes: keys.lanes,
  slots: keys.slots,
  agentSlots: keys.agentSlots,
  permits: keys.permits,
  instances: keys.instances,
  reports: keys.reports,
  hubs: keys.hubs,
  settings: keys.settings,
  dead: keys.dead,
  log: keys.log,
  lane: keys.lane('<n>'),
  linked: keys.linked('<instance>'),
  up: keys.up('<id>'),
  down: keys.down('<id>', 1).replace(/1$/, '<attempt>'),
  hubChannel: keys.hubChannel('<hub>'),
  instanceChannel: keys.instanceChannel('<instance>'),
};

/** Those that groupKeys does not build: the lines of a scope, and what belongs to no group. */
const SHOWN_BESIDE = [
  ...groupScript(keys, ['0+<scope>']).keys.filter((key) => key.endsWith(':<scope>')),
  ...Object.values(CONFIG_KEYS),
  ...Object.values(LIST_OF).map(configKey),
  agentCardKey('<token>'),
  ...Object.values(appKeys('<app>')),
];

describe('docs/protocol.md', () => {
  test('names every key and every channel, and no others', () => {
    const builders = Object.keys(keys).filter((name) => name !== 'group' && name !== 'prefix');
    expect(Object.keys(SHOWN).sort()).toEqual(builders.sort());

    const named = new Set(section(text, '## Keys').match(/mr:\{[^`]+/g));
    expect([...named].sort()).toEqual([...Object.values(SHOWN), ...SHOWN_BESIDE].sort());
    expect(section(text, '## Keys')).toContain(`\`${CHANGES_CHANNEL}\``);
    expect(section(text, '## Keys')).toContain(`consumer group \`${CONSUMER_GROUP}\``);
  });

  test('says of every key its type, what it is, who writes it and how long it lives', () => {
    const rows = tableRows(section(text, '## Keys'));
    const keysShown = [...Object.values(SHOWN), ...SHOWN_BESIDE].filter(
      (key) => !/:(hub|instance):/.test(key),
    );
    expect(rows.map(([key = '']) => key).sort()).toEqual(keysShown.sort());
    expect(rows.filter((row) => row.length !== 5 || row.includes(''))).toEqual([]);
  });

  test('has a heading for every Lua file, and for no others', () => {
    const folder = join(packageFolder(), 'router-core/redis/scripts');
    const files = [folder, join(folder, 'lib')].flatMap((each) =>
      readdirSync(each).filter((name) => name.endsWith('.lua')),
    );
    const headings = [...section(text, '## Scripts').matchAll(/^#### `(.+)`$/gm)].map(
      (match) => match[1] ?? '',
    );

    expect(headings.sort()).toEqual(files.sort());
  });

  test.each(['### Called by hubs', '### Called by agents'])(
    'says what goes into and comes out of those %s',
    (heading) => {
      const scripts = section(text, heading).split('\n#### ').slice(1);
      expect(scripts.length).toBeGreaterThan(3);
      for (const script of scripts) {
        for (const part of ['KEYS:', 'ARGV:', 'Returns']) expect(script).toContain(part);
      }
    },
  );

  test('has every part of a frame with its bit', () => {
    const rows = tableRows(section(text, '## Frames')).filter(([, bit]) => /^\d+$/.test(bit ?? ''));
    const offsets = rows.filter(([part]) => /^\d/.test(part ?? ''));
    const parts = rows.filter((row) => !offsets.includes(row)).map(([part, bit]) => [part, Number(bit)]);

    expect(Object.fromEntries(parts)).toEqual(PART);
    expect(text).toContain(String(FENCE));
  });
});

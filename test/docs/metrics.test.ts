import { describe, expect, test } from 'vitest';
import { AGENT_METRICS } from '../../router-core/agent/agent-metrics.ts';
import { HUB_METRICS } from '../../router-core/hub/hub-metrics.ts';
import { STORE_METRICS } from '../../router-core/redis/connection/store-metrics.ts';
import type { Metric, Metrics } from '../../router-core/runtime/metrics.ts';
import { PROCESS_METRICS } from '../../router-core/runtime/process-metrics.ts';
import { API_METRICS } from '../../router-api/metrics.ts';
import { readFile, section, tableRows } from './markdown.ts';

const PARTS: Record<string, Metrics> = {
  'Every process': { ...PROCESS_METRICS, ...STORE_METRICS },
  Hub: HUB_METRICS,
  Agent: AGENT_METRICS,
  'router-api': API_METRICS,
};

const page = readFile('docs/metrics.md');
const all = Object.values(PARTS).flatMap((metrics) => Object.values(metrics));

describe.each(Object.keys(PARTS))('docs/metrics.md has of %s', (part) => {
  test('every metric with its type, its labels and its meaning, in the order of the code, and no others', () => {
    const documented = tableRows(section(page, `## ${part}`)).map(([name, type, labels = '', what]) => {
      return { name, type, labels: labels.match(/\w+/g) ?? [], help: what };
    });
    const known = Object.values(PARTS[part] ?? {}).map(({ name, type, labels, help }) => {
      return { name, type, labels: [...labels], help };
    });
    expect(documented).toEqual(known);
  });
});

test('no two metrics have the same name, and each follows the rules for its type', () => {
  const names = all.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const wrong = all.filter(({ name, type, labels }) => {
    const isTotal = name.endsWith('_total');
    if (type === 'counter') return !isTotal;
    // `le` is the histogram's own, `job` and `instance` are those of the scrape.
    return (
      isTotal || (type === 'histogram' && !name.endsWith('_seconds')) || labels.some((l) => TARGET.has(l))
    );
  });
  expect(wrong).toEqual([]);
});

const TARGET = new Set(['le', 'job', 'instance']);

/** The problems of an expression: unknown metrics, and labels that its metrics do not have. */
function unknownIn(expression: string): string[] {
  const used = [...expression.matchAll(/\b((?:mini_router|process)_\w+)(?:\{([^}]*)\})?/g)];
  const metrics = used.map(([, name = '', matchers = '']) => ({
    name,
    metric: all.find((metric) => seriesOf(metric).includes(name)),
    labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
  }));
  const unknown = metrics.flatMap(({ name, metric, labels }) => {
    if (!metric) return [name];
    return labels
      .filter((label) => !TARGET.has(label) && !metric.labels.includes(label))
      .map((label) => `${name}{${label}}`);
  });
  const known = new Set([...TARGET, ...metrics.flatMap(({ metric }) => metric?.labels ?? [])]);
  const grouped = [...expression.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)].flatMap(([, list = '']) => {
    return list.match(/\w+/g) ?? [];
  });
  return [...unknown, ...grouped.filter((label) => !known.has(label))];
}

function seriesOf({ name, type }: Metric): string[] {
  return type === 'histogram' ? ['bucket', 'sum', 'count'].map((end) => `${name}_${end}`) : [name];
}

test('an expression with a metric or a label that does not exist is noticed', () => {
  expect(unknownIn('sum by (le, group) (rate(mini_router_hub_queue_seconds_bucket{group="a"}[5m]))')).toEqual(
    [],
  );
  expect(unknownIn('mini_router_hub_queue_seconds{group="a"}')).toEqual(['mini_router_hub_queue_seconds']);
  expect(unknownIn('sum by (path) (mini_router_hub_ready{group="a"})')).toEqual([
    'mini_router_hub_ready{group}',
    'path',
  ]);
});

const rules = readFile('deploy/prometheus-alerts.yml');
const alerts = [...rules.matchAll(/^ +- alert: (\w+)$/gm)].map(([, name = '']) => name);

test('the alert rules ask for metrics and labels that exist', () => {
  const expressions = rules.split(/^ +- alert: /m).slice(1);
  expect(expressions).toHaveLength(alerts.length);
  for (const text of expressions) {
    expect(text).toMatch(/^ +expr: /m);
    expect(unknownIn(/expr:([\s\S]*?)^ +(?:for|labels):/m.exec(text)?.[1] ?? 'mini_router_none')).toEqual([]);
  }
});

test('docs/metrics.md says of every alert what to do', () => {
  const rows = tableRows(section(page, '## Alerts'));
  expect(rows.map(([name]) => name)).toEqual(alerts);
  expect(rows.filter(([, what = '']) => what === '')).toEqual([]);
});

test('the dashboard asks for metrics and labels that exist', () => {
  const text = readFile('deploy/grafana-dashboard.json');
  const dashboard = JSON.parse(text) as { panels: { title: string; targets: { expr: string }[] }[] };
  const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  expect(expressions.length).toBeGreaterThan(20);
  expect(expressions.flatMap(unknownIn)).toEqual([]);
  expect(unknownIn(/"label_values\([^"]*"/.exec(text)?.[0] ?? 'mini_router_none')).toEqual([]);
});
